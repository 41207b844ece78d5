//! An OpenTelemetry collector: receives OTLP over HTTP and gRPC, and keeps what it has accepted.
//!
//! The messages are decoded by the official definitions, not by code of the host.

use bytes::{Buf, Bytes};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

type ReplyBody = StreamBody<futures::stream::Iter<std::vec::IntoIter<ReplyFrame>>>;
type ReplyFrame = Result<Frame<Bytes>, Infallible>;
/// The timeout for what is expected.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Attributes as text.
pub type Attributes = BTreeMap<String, String>;

/// The collector. It ends when the test ends.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    state: Arc<State>,
    changed: watch::Receiver<usize>,
}

#[derive(Debug)]
struct State {
    requests: Mutex<Vec<Received>>,
    refusals: Mutex<VecDeque<Refusal>>,
    changed: watch::Sender<usize>,
}

/// A response other than that all is well.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// A status of HTTP, with a header field.
    Status(u16, Option<(&'static str, &'static str)>),
    /// A status of gRPC.
    Grpc(&'static str),
    /// The request is accepted, but this number of items is not.
    Partial(u8),
    /// No response.
    Never,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Whether it was accepted.
    pub is_accepted: bool,
    message: Bytes,
}

/// A span that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedSpan {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its scope.
    pub scope: String,
    /// Its own attributes.
    pub attributes: Attributes,
    /// The rest.
    pub span: Span,
}

/// A log record that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedLog {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its scope.
    pub scope: String,
    /// Its own attributes.
    pub attributes: Attributes,
    /// Its text.
    pub body: String,
    /// The rest.
    pub record: LogRecord,
}

/// A data point that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedPoint {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its metric.
    pub name: String,
    /// The unit of its metric.
    pub unit: String,
    /// `gauge`, `sum`, `histogram` or `exponential`.
    pub kind: &'static str,
    /// Its own attributes.
    pub attributes: Attributes,
    /// The value, or the number of values.
    pub value: f64,
    /// The upper bounds of a histogram.
    pub bounds: Vec<f64>,
    /// The buckets of a histogram.
    pub buckets: Vec<u64>,
}

impl Collector {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, changed) = watch::channel(0);
        let state = Arc::new(State {
            requests: Mutex::default(),
            refusals: Mutex::default(),
            changed: sender,
        });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| serve(request, state.clone()));
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, state, changed }
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses the next request that is not refused yet.
    pub fn refuse(&self, refusal: Refusal) {
        self.state.refusals.lock().expect("the refusals").push_back(refusal);
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().expect("the requests").clone()
    }

    /// The requests, once they are as wanted.
    pub async fn requests_with(&self, wanted: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        self.found(|| Some(self.requests()).filter(|all| wanted(all))).await
    }

    /// The spans that were accepted, once they are as wanted.
    pub async fn spans_with(
        &self,
        wanted: impl Fn(&[CollectedSpan]) -> bool,
    ) -> Vec<CollectedSpan> {
        self.found(|| Some(self.spans()).filter(|all| wanted(all))).await
    }

    /// The log records that were accepted, once there is one as wanted.
    pub async fn log_with(&self, wanted: impl Fn(&CollectedLog) -> bool) -> CollectedLog {
        self.found(|| self.logs().into_iter().find(&wanted)).await
    }

    /// The data points that were accepted, once there is one as wanted.
    pub async fn point_with(&self, wanted: impl Fn(&CollectedPoint) -> bool) -> CollectedPoint {
        self.found(|| self.points().into_iter().find(&wanted)).await
    }

    async fn found<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let found = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look() {
                    return found;
                }
                changed.changed().await.expect("the collector runs");
            }
        };
        match tokio::time::timeout(TIMEOUT, found).await {
            Ok(found) => found,
            Err(_) => panic!("not received: {:#?}", self.summary()),
        }
    }

    /// What was accepted, in short.
    fn summary(&self) -> Vec<String> {
        let paths =
            self.requests().into_iter().map(|one| format!("{} {}", one.path, one.is_accepted));
        let spans = self
            .spans()
            .into_iter()
            .map(|one| format!("span {} {:?}", one.span.name, one.attributes));
        let logs =
            self.logs().into_iter().map(|one| format!("log {} {:?}", one.body, one.attributes));
        let points = self.points().into_iter();
        let points = points.map(|one| format!("{} {:?} {}", one.name, one.attributes, one.value));
        paths.chain(spans).chain(logs).chain(points).collect()
    }

    /// The spans that were accepted.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        let mut spans = Vec::new();
        for request in self.decoded::<ExportTraceServiceRequest>("trace") {
            for list in request.resource_spans {
                let resource = of_resource(list.resource);
                for scoped in list.scope_spans {
                    let scope = scoped.scope.unwrap_or_default().name;
                    spans.extend(scoped.spans.into_iter().map(|span| CollectedSpan {
                        resource: resource.clone(),
                        scope: scope.clone(),
                        attributes: attributes(&span.attributes),
                        span,
                    }));
                }
            }
        }
        spans
    }

    /// The log records that were accepted.
    pub fn logs(&self) -> Vec<CollectedLog> {
        let mut logs = Vec::new();
        for request in self.decoded::<ExportLogsServiceRequest>("log") {
            for list in request.resource_logs {
                let resource = of_resource(list.resource);
                for scoped in list.scope_logs {
                    let scope = scoped.scope.unwrap_or_default().name;
                    logs.extend(scoped.log_records.into_iter().map(|record| CollectedLog {
                        resource: resource.clone(),
                        scope: scope.clone(),
                        attributes: attributes(&record.attributes),
                        body: record.body.as_ref().map(text).unwrap_or_default(),
                        record,
                    }));
                }
            }
        }
        logs
    }

    /// The data points that were accepted.
    pub fn points(&self) -> Vec<CollectedPoint> {
        let mut points = Vec::new();
        for request in self.decoded::<ExportMetricsServiceRequest>("metric") {
            for list in request.resource_metrics {
                let resource = of_resource(list.resource);
                for metric in list.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                    points.extend(points_of(&resource, metric));
                }
            }
        }
        points
    }

    fn decoded<M: Message + Default>(&self, kind: &str) -> Vec<M> {
        let requests = self.requests().into_iter();
        let of_kind = requests.filter(|one| one.is_accepted && one.path.contains(kind));
        of_kind.map(|one| M::decode(one.message).expect("a message of OTLP")).collect()
    }
}

fn points_of(resource: &Attributes, metric: Metric) -> Vec<CollectedPoint> {
    let point = |kind, own: &[KeyValue], value| CollectedPoint {
        resource: resource.clone(),
        name: metric.name.clone(),
        unit: metric.unit.clone(),
        kind,
        attributes: attributes(own),
        value,
        bounds: Vec::new(),
        buckets: Vec::new(),
    };
    let number = |value: Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    };
    match metric.data.as_ref().expect("data") {
        metric::Data::Gauge(data) => {
            let points = data.data_points.iter();
            points.map(|one| point("gauge", &one.attributes, number(one.value))).collect()
        }
        metric::Data::Sum(data) => {
            assert_eq!(data.aggregation_temporality, 2, "values are cumulative");
            let points = data.data_points.iter();
            points.map(|one| point("sum", &one.attributes, number(one.value))).collect()
        }
        metric::Data::Histogram(data) => {
            let points = data.data_points.iter();
            let of = |one: &opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint| {
                assert_eq!(one.bucket_counts.iter().sum::<u64>(), one.count, "{}", metric.name);
                CollectedPoint {
                    bounds: one.explicit_bounds.clone(),
                    buckets: one.bucket_counts.clone(),
                    ..point("histogram", &one.attributes, one.count as f64)
                }
            };
            points.map(of).collect()
        }
        metric::Data::ExponentialHistogram(data) => {
            let points = data.data_points.iter();
            let of =
                |one: &opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint| {
                    let buckets =
                        one.positive.as_ref().map(|buckets| buckets.bucket_counts.clone());
                    CollectedPoint {
                        buckets: buckets.unwrap_or_default(),
                        ..point("exponential", &one.attributes, one.count as f64)
                    }
                };
            points.map(of).collect()
        }
        metric::Data::Summary(_) => panic!("summaries are deprecated"),
    }
}

fn of_resource(resource: Option<Resource>) -> Attributes {
    attributes(&resource.unwrap_or_default().attributes)
}

/// Attributes as text.
pub fn attributes(list: &[KeyValue]) -> Attributes {
    let pairs = list
        .iter()
        .map(|pair| (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default()));
    pairs.collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::IntValue(value)) => value.to_string(),
        Some(any_value::Value::DoubleValue(value)) => value.to_string(),
        Some(any_value::Value::ArrayValue(list)) => {
            format!("[{}]", list.values.iter().map(text).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<ReplyBody>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let is_grpc = head.headers["content-type"] == "application/grpc";
    let refusal = state.refusals.lock().expect("the refusals").pop_front();
    let message = match is_grpc {
        true => {
            assert_eq!(head.version, http::Version::HTTP_2);
            assert_eq!(head.headers["te"], "trailers");
            of_grpc(body, &head.headers)
        }
        false => {
            assert_eq!(head.headers["content-type"], "application/x-protobuf");
            let is_gzip = head.headers.get("content-encoding").is_some_and(|value| value == "gzip");
            if is_gzip { unzipped(&body) } else { body }
        }
    };
    let is_accepted = matches!(refusal, None | Some(Refusal::Partial(_)));
    let received =
        Received { path: head.uri.path().to_owned(), headers: head.headers, is_accepted, message };
    state.requests.lock().expect("the requests").push(received);
    state.changed.send_modify(|count| *count += 1);
    Ok(match refusal {
        Some(Refusal::Never) => std::future::pending().await,
        Some(Refusal::Status(status, field)) => {
            let mut response = reply(vec![]);
            *response.status_mut() = status.try_into().expect("a status");
            if let Some((name, value)) = field {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        Some(Refusal::Grpc(status)) => {
            let mut response = reply(vec![]);
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static(status));
            response
        }
        // `partial_success` with a number of rejected items.
        Some(Refusal::Partial(count)) => accepted(is_grpc, &[0x0a, 2, 0x08, count]),
        None => accepted(is_grpc, &[]),
    })
}

fn accepted(is_grpc: bool, message: &[u8]) -> Response<ReplyBody> {
    if !is_grpc {
        return reply(vec![Frame::data(Bytes::copy_from_slice(message))]);
    }
    let prefix = [0, 0, 0, 0, u8::try_from(message.len()).expect("a short message")];
    let data = [&prefix, message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = reply(vec![Frame::data(data.into()), Frame::trailers(trailers)]);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

fn reply(frames: Vec<Frame<Bytes>>) -> Response<ReplyBody> {
    let frames: Vec<ReplyFrame> = frames.into_iter().map(Ok).collect();
    Response::new(StreamBody::new(futures::stream::iter(frames)))
}

/// The message of a unary call.
fn of_grpc(mut body: Bytes, headers: &HeaderMap) -> Bytes {
    let is_compressed = body.get_u8() == 1;
    let length = body.get_u32() as usize;
    assert_eq!(body.len(), length, "one message");
    match is_compressed {
        true => {
            assert_eq!(headers["grpc-encoding"], "gzip");
            unzipped(&body)
        }
        false => body,
    }
}

fn unzipped(bytes: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain.into()
}
