//! The histogram of how far events lie behind the head: feeds count in plain integers and add them
//! up here once a batch.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    Opts,
    core::{Collector, Desc, Describer as _},
    proto::{Bucket, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use crate::feed::BEHIND_MS;

/// Events by bound, those past the last included.
type Counted = [u64; BEHIND_MS.len() + 1];

/// A histogram by supplier.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    desc: Desc,
    suppliers: Arc<Mutex<BTreeMap<String, Sum>>>,
}

#[derive(Debug, Default)]
struct Sum {
    counted: Counted,
    millis: u64,
}

impl Behind {
    /// A histogram without suppliers.
    ///
    /// # Errors
    /// A name that Prometheus does not take.
    pub(super) fn new(options: Opts) -> prometheus::Result<Self> {
        Ok(Self {
            desc: options.variable_label("supplier").describe()?,
            suppliers: Arc::default(),
        })
    }

    /// Adds events of a supplier, and the sum of their milliseconds.
    pub(super) fn add(&self, supplier: &str, more: impl Iterator<Item = u64>, millis: u64) {
        let mut suppliers = self
            .suppliers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !suppliers.contains_key(supplier) {
            suppliers.insert(supplier.to_owned(), Sum::default());
        }
        if let Some(sum) = suppliers.get_mut(supplier) {
            sum.millis += millis;
            for (counted, more) in sum.counted.iter_mut().zip(more) {
                *counted += more;
            }
        }
    }
}

impl Collector for Behind {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let suppliers = self
            .suppliers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let metrics = suppliers.iter().map(|(supplier, sum)| {
            let mut label = LabelPair::default();
            label.set_name("supplier".to_owned());
            label.set_value(supplier.clone());
            let mut metric = Metric::from_label(vec![label]);
            metric.set_histogram(histogram(sum));
            metric
        });
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(metrics.collect());
        vec![family]
    }
}

fn histogram(sum: &Sum) -> Histogram {
    let mut all = 0;
    let buckets = BEHIND_MS.iter().zip(sum.counted).map(|(bound, counted)| {
        all += counted;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound as f64 / 1_000.0);
        bucket.set_cumulative_count(all);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(sum.counted.iter().sum());
    histogram.set_sample_sum(sum.millis as f64 / 1_000.0);
    histogram
}
