//! Metrics and health over HTTP: `/metrics`, `/livez`, `/readyz`.
//!
//! On the side: called by nobody and calling nobody, it is handed the metrics and the health.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};

use crate::metrics::Metrics;

/// The content type of the Prometheus text format 0.0.4.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the probes answer; the daemon's loop sets it.
#[derive(Debug)]
pub struct Health {
    live: AtomicBool,
    ready: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            live: AtomicBool::new(true),
            ready: AtomicBool::new(false),
        }
    }
}

impl Health {
    /// Says whether every owned engine progresses or is idle, and whether the lease is joined, the
    /// positions of the owned feeds are known and alerts can be written.
    pub fn set(&self, live: bool, ready: bool) {
        self.live.store(live, Ordering::Relaxed);
        self.ready.store(ready, Ordering::Relaxed);
    }
}

/// Takes the address, so that a wrong one is told before anything starts.
///
/// # Errors
/// An address that is taken or not ours.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers on `listener` until the runtime ends.
///
/// # Errors
/// A listener that the runtime does not take, or that fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let probe = |ok: bool| {
        if ok {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "no\n")
        }
    };
    let live = move |State((_, health)): State<(Arc<Metrics>, Arc<Health>)>| async move {
        probe(health.live.load(Ordering::Relaxed))
    };
    let ready = move |State((_, health)): State<(Arc<Metrics>, Arc<Health>)>| async move {
        probe(health.ready.load(Ordering::Relaxed))
    };
    let scrape = |State((metrics, _)): State<(Arc<Metrics>, Arc<Health>)>| async move {
        ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.text()).into_response()
    };
    let app = Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state((metrics, health));
    axum::serve(listener, app).await
}
