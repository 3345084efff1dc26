//! Metrics and health over HTTP: `/metrics`, `/livez`, `/readyz`.
//!
//! On the side: called by nobody and calling nobody, it is handed the metrics and the health.

mod door;
mod health;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::Response,
    routing::get,
};

use self::door::Door;
pub use self::{
    door::Bounds,
    health::{Health, Pulse},
};
use crate::metrics::Metrics;

/// The content type of the Prometheus text format 0.0.4.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Takes the address, so that a wrong one is told before anything starts.
///
/// # Errors
/// An address that is taken or not ours.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

type Shown = (Arc<Metrics>, Arc<Health>);

/// Answers on `listener` within `bounds` until the runtime ends. Each answer closes its connection.
///
/// # Errors
/// A listener that the runtime does not take, or that fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    bounds: Bounds,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let live = async |State((_, health)): State<Shown>| probe(health.is_live());
    let ready = async |State((_, health)): State<Shown>| probe(health.is_ready());
    let scrape = async |State((metrics, _)): State<Shown>| {
        ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.text())
    };
    let app = Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .layer(middleware::map_response(close))
        .with_state((metrics, health));
    axum::serve(Door::new(listener, bounds), app).await
}

fn probe(ok: bool) -> (StatusCode, &'static str) {
    if ok {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no\n")
    }
}

/// A connection that waits for its next scrape would hold a place.
async fn close<B>(mut response: Response<B>) -> Response<B> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}
