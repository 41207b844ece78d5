//! The component: passes requests on to private components.

use spin_sdk::http::{
    BoxBody, Error, FullBody, HeaderMap, IntoResponse, Request, Response, StatusCode, box_body, send,
};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, Error> {
    match crate::upstream(request.uri().path()) {
        Some(component) => forward(request, component).await,
        None => Ok(text(StatusCode::NOT_FOUND, "there is no such page\n")),
    }
}

async fn forward(mut request: Request, component: &str) -> Result<Response<BoxBody>, Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() =
        format!("http://{component}.spin.internal{path}").parse().map_err(|_| "an invalid URL")?;
    let given = std::mem::take(request.headers_mut());
    *request.headers_mut() = passed_on(given);
    match send(request).await {
        Ok(response) => Ok(response.map(box_body)),
        Err(error) => {
            eprintln!("{component} does not answer: {error}");
            Ok(text(StatusCode::BAD_GATEWAY, "try again later\n"))
        }
    }
}

fn passed_on(given: HeaderMap) -> HeaderMap {
    let fields = given.into_iter().filter_map(|(name, value)| Some((name?, value)));
    fields.filter(|(name, _)| crate::FIELDS.contains(&name.as_str())).collect()
}

fn text(status: StatusCode, text: &'static str) -> Response<BoxBody> {
    let mut response = Response::new(box_body(FullBody::new(text.into())));
    *response.status_mut() = status;
    response
}
