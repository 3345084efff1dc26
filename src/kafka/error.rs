//! Why a Kafka edge could not do its work, and whether trying again can help.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// A failure of Kafka or of the way we are allowed to use it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No broker answered at start.
    #[error("no broker of {brokers} answered within {secs} s; check kafka.brokers and the network")]
    Unreachable {
        /// The brokers as configured.
        brokers: String,
        /// How long was tried, in seconds.
        secs: u64,
    },
    /// The brokers refused who we are or what we may do.
    #[error(
        "the brokers refused our credentials or rights ({code:?}); check kafka.sasl, kafka.tls and the ACLs"
    )]
    Refused {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// Topics of our own are missing.
    #[error("topics of our own are missing; create them with:\n{}", commands.join("\n"))]
    MissingTopics {
        /// A command for each.
        commands: Vec<String>,
    },
    /// The state topic has another number of partitions than is configured.
    #[error(
        "topic {topic} has {found} partitions where the configuration says {expected}; feeds would move: set topics.state_partitions to what it has, or name a new topic"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// As it is.
        found: usize,
        /// As configured.
        expected: usize,
    },
    /// Another member has joined the group under our name.
    #[error(
        "another replica has joined the group under this one's kafka.instance; give each replica its own"
    )]
    Fenced,
    /// The group does not take us as a member.
    #[error(
        "the group refuses us ({code:?}); check kafka.session against the brokers' bounds of it, and kafka.group, which other programs must not share"
    )]
    NoMember {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// A property that librdkafka does not know, or a value that it does not take, which may be a
    /// secret and is not said.
    #[error("librdkafka does not accept {what}; check the settings under kafka")]
    Settings {
        /// The property, or what the client as a whole lacks.
        what: String,
    },
    /// A partition did not come to its end.
    #[error("{doing}: no end of partition {topic}/{partition} within {secs} s")]
    Stalled {
        /// What was being done.
        doing: &'static str,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How long nothing came, in seconds.
        secs: u64,
    },
    /// An operation failed.
    #[error("{doing} {topic}: {source}")]
    Failed {
        /// What was being done, with the preposition that leads to the topic.
        doing: &'static str,
        /// The topic, or the group.
        topic: String,
        /// librdkafka's error.
        source: KafkaError,
    },
}

impl Error {
    /// Whether the same operation may succeed later without anybody's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stalled { .. } => true,
            Self::Refused { .. }
            | Self::MissingTopics { .. }
            | Self::PartitionCount { .. }
            | Self::Fenced
            | Self::NoMember { .. }
            | Self::Settings { .. } => false,
            Self::Failed { source, .. } => code(source).is_none_or(|code| !is_refusal(code)),
        }
    }

    /// Turns the refusal to make a client into ours.
    pub(crate) fn settings(source: KafkaError) -> Self {
        let what = match source {
            KafkaError::ClientConfig(_, _, property, _) => format!("the property {property}"),
            KafkaError::ClientCreation(what) => format!("them: {what}"),
            other => other.to_string(),
        };
        Self::Settings { what }
    }

    /// What keeps us out of the group for good, if `error` does.
    pub(crate) fn of_membership(error: &KafkaError) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        match code(error)? {
            Code::Fatal | Code::Fenced | Code::FencedInstanceId => Some(Self::Fenced),
            code @ (Code::InvalidSessionTimeout
            | Code::InvalidGroupId
            | Code::InconsistentGroupProtocol) => Some(Self::NoMember { code }),
            code if is_refusal(code) => Some(Self::Refused { code }),
            _ => None,
        }
    }

    /// Turns librdkafka's error into ours, refused credentials apart.
    pub(crate) fn failed(doing: &'static str, topic: &str, source: KafkaError) -> Self {
        match code(&source) {
            Some(code) if is_refusal(code) => Self::Refused { code },
            _ => Self::Failed {
                doing,
                topic: topic.to_owned(),
                source,
            },
        }
    }
}

/// librdkafka's code of `error`, where it has one.
pub fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    error.rdkafka_error_code()
}

/// Whether `error` says that there is no such topic or partition any more.
pub fn is_gone(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    code(error).is_some_and(|code| {
        matches!(
            code,
            Code::UnknownPartition | Code::UnknownTopic | Code::UnknownTopicOrPartition
        )
    })
}

/// Whether `code` says that the brokers do not let us in.
pub(crate) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState
    )
}
