//! A real Kafka broker for the tests: the one that `ROSTERWATCH_TEST_KAFKA` names, or one started
//! from the jars that `tests/broker/fetch.sh` fetches, in a temporary folder and on free ports.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use tempfile::TempDir;

/// A broker, stopped when it is dropped where it was started here.
pub(crate) struct Broker {
    pub(crate) address: String,
    /// Where it asks for credentials: `watch` with `right`, by PLAIN and SCRAM.
    pub(crate) guarded: Option<String>,
    started: Option<(Child, TempDir)>,
}

impl Broker {
    /// A broker that answers; nothing where the machine has none, which is said in one line.
    pub(crate) fn start() -> Option<Self> {
        if let Ok(address) = env::var("ROSTERWATCH_TEST_KAFKA") {
            return Some(Self {
                address,
                guarded: None,
                started: None,
            });
        }
        let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker/lib");
        let has_java = Command::new("java").arg("-version").output().is_ok();
        if !has_java || !jars.join(".complete").exists() {
            let required = env::var("ROSTERWATCH_REQUIRE_KAFKA").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "no real broker: run tests/broker/fetch.sh, which says what is missing"
            );
            eprintln!("skipped: no real broker; tests/broker/fetch.sh says what is missing");
            return None;
        }
        Some(Self::start_from(&jars))
    }

    fn start_from(jars: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [address, guarded, controller] = free_addresses();
        let settings = dir.path().join("server.properties");
        fs::write(
            &settings,
            properties(&address, &guarded, &controller, &dir.path().join("data")),
        )
        .unwrap();
        let class_path = jars.join("*");
        let java = |main: &str| {
            let mut command = Command::new("java");
            let command_line = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-cp"];
            command.args(command_line).arg(&class_path).arg(main);
            command.stdin(Stdio::null());
            command
        };
        let id = java("kafka.tools.StorageTool")
            .arg("random-uuid")
            .output()
            .unwrap();
        let id = String::from_utf8(id.stdout).unwrap();
        let formatted = java("kafka.tools.StorageTool")
            .args(["format", "-t", id.trim(), "--standalone"])
            .args(["--add-scram", "SCRAM-SHA-256=[name=watch,password=right]"])
            .args(["--add-scram", "SCRAM-SHA-512=[name=watch,password=right]"])
            .arg("-c")
            .arg(&settings)
            .output()
            .unwrap();
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let log = File::create(dir.path().join("log")).unwrap();
        let child = java("kafka.Kafka")
            .arg(&settings)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let broker = Self {
            address,
            guarded: Some(guarded),
            started: Some((child, dir)),
        };
        broker.await_answer();
        broker
    }

    /// Asks until the broker answers: the client itself connects again and again.
    fn await_answer(&self) {
        let client: BaseConsumer = self.client().create().unwrap();
        let answer = client.fetch_metadata(None, Duration::from_mins(1));
        answer.unwrap_or_else(|error| panic!("the broker does not answer: {error}"));
    }

    /// Settings of a client.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config.set("reconnect.backoff.max.ms", "200");
        config
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.started {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn free_addresses() -> [String; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}

fn properties(address: &str, guarded: &str, controller: &str, data: &Path) -> String {
    let module = "org.apache.kafka.common.security";
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={controller}
listeners=PLAINTEXT://{address},SASL_PLAINTEXT://{guarded},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{address},SASL_PLAINTEXT://{guarded}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_watch=\"right\";
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
log.dirs={}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=2097152
",
        data.display()
    )
}
