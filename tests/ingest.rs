//! Ingest over real connections: what only sockets show.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use digest_auth::{AuthContext, HttpMethod};
use openmediapackage::channels::Channels;
use openmediapackage::ingest::{BodyLimits, Ingest, IngestSettings};
use openmediapackage::media_store::{MediaStore, MemoryStore};
use openmediapackage::plane::{AnswerFuture, Connection, Plane, Request, Response, ResponseBody};
use openmediapackage::resources::{CatalogueHandle, Channel, ChannelGuid, IngestEndpoint, Secret};
use openmediapackage::server::{Planes, Server, ServerLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SEGMENT: &[u8] = include_bytes!("media/bframes-48k.ts");
const GUID: &str = "0123456789abcdef0123456789abcdef";

/// Stands for the planes that are not tried here.
struct Nothing;

impl Plane for Nothing {
    fn answer<'a>(&'a self, _: &'a Arc<Connection>, _: Request) -> AnswerFuture<'a> {
        Box::pin(async { Response::new(ResponseBody::empty()) })
    }
}

struct House {
    address: std::net::SocketAddr,
    store: MemoryStore,
}

impl House {
    async fn new(body: BodyLimits) -> Self {
        let catalogue = CatalogueHandle::default();
        let endpoint = |id: &str| IngestEndpoint { id: id.into(), username: "u".into(), password: Secret::new("p") };
        let ingest_endpoints = [endpoint("one"), endpoint("two")];
        let channel =
            Channel { guid: ChannelGuid(GUID.into()), id: "arena".into(), owner: Default::default(), ingest_endpoints };
        catalogue.update(|catalogue| catalogue.put_channel(channel.clone()));
        let store = MemoryStore::default();
        let channels =
            Arc::new(Channels::new(Arc::new(store.clone()), catalogue.clone(), Arc::new(jiff::Timestamp::now)));
        let settings = IngestSettings { body, wrong_password_delay: Duration::ZERO, ..IngestSettings::default() };
        let nothing: Arc<dyn Plane> = Arc::new(Nothing);
        let planes = Planes {
            ingest: Arc::new(Ingest::new(channels, catalogue, [5; 32], settings)),
            origin: nothing.clone(),
            console: nothing.clone(),
            api: nothing,
        };
        let server = Server::bind(([127, 0, 0, 1], 0).into(), ServerLimits::default()).await.unwrap();
        let address = server.local_addr().unwrap();
        tokio::spawn(server.serve(planes, std::future::pending()));
        House { address, store }
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), received: String::new() }
    }

    async fn objects(&self) -> usize {
        self.store.list(GUID).await.unwrap().len()
    }
}

struct Client {
    stream: TcpStream,
    received: String,
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads up to the end of a head and returns it; bodies are shorter than a packet and skipped by their length.
    async fn head(&mut self) -> String {
        let read = async {
            loop {
                if let Some((head, rest)) = self.received.split_once("\r\n\r\n") {
                    let length = head
                        .to_lowercase()
                        .split("content-length: ")
                        .nth(1)
                        .map_or(0, |text| text.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                    if rest.len() >= length {
                        let (head, rest) = (head.to_owned(), rest[length..].to_owned());
                        self.received = rest;
                        return head;
                    }
                }
                let mut buffer = [0; 4096];
                let count = self.stream.read(&mut buffer).await.unwrap();
                assert!(count > 0, "the connection was closed after {:?}", self.received);
                self.received.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer comes in time")
    }

    async fn is_closed(&mut self) -> bool {
        let mut buffer = [0; 16];
        let read = tokio::time::timeout(Duration::from_secs(5), self.stream.read(&mut buffer)).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}

fn path(name: &str) -> String {
    format!("/in/v2/{GUID}/one/{name}")
}

/// The head of a PUT; `more` are whole header lines.
fn put(name: &str, more: &str) -> String {
    format!("PUT {} HTTP/1.1\r\nHost: a\r\nUser-Agent: Lavf/59.27.100\r\n{more}\r\n", path(name))
}

/// The `Authorization` lines for names, all answering the challenge of one 401.
fn answers(head: &str, names: &[String]) -> Vec<String> {
    let challenge = head.lines().find_map(|line| line.strip_prefix("www-authenticate: ")).expect("a challenge");
    let mut challenge = digest_auth::parse(challenge).unwrap();
    let answer = |name: &String| {
        let context = AuthContext::new_with_method("u", "p", path(name), None::<&[u8]>, HttpMethod::PUT);
        format!("Authorization: {}\r\n", challenge.respond(&context).unwrap().to_header_string())
    };
    names.iter().map(answer).collect()
}

async fn answer_for(house: &House, name: &str) -> String {
    let mut client = house.connect().await;
    client.send(put(name, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    answers(&head, &[name.to_owned()]).remove(0)
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in body.chunks(32 * 1024) {
        text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    text
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_401_instead_and_100_only_once_it_is_let_in() {
    let house = House::new(BodyLimits::default()).await;
    let mut client = house.connect().await;
    client.send(put("a.ts", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("connection: close"), "{head}");
    assert!(client.is_closed().await);

    let answer = answers(&head, &["a.ts".to_owned()]).remove(0);
    let mut client = house.connect().await;
    client.send(put("a.ts", &format!("{answer}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"))).await;
    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    client.send(chunked(SEGMENT)).await;
    assert!(client.head().await.starts_with("HTTP/1.1 201 "));
    assert_eq!(house.objects().await, 1);
}

#[tokio::test]
async fn a_client_that_does_not_wait_can_send_its_body_in_vain_and_again_on_the_same_connection() {
    let house = House::new(BodyLimits::default()).await;
    let mut client = house.connect().await;
    // Larger than what the sockets hold, so that somebody must take it.
    let body = vec![0x47; 20_000_000];
    let length = format!("Content-Length: {}\r\n", body.len());
    client.send(put("a.ts", &length)).await;
    client.send(&body).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let answer = answers(&head, &["a.ts".to_owned()]).remove(0);
    client.send(put("a.ts", &format!("{answer}Content-Length: {}\r\n", SEGMENT.len()))).await;
    client.send(SEGMENT).await;
    assert!(client.head().await.starts_with("HTTP/1.1 201 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_after_its_last_byte_loses_nothing() {
    let house = House::new(BodyLimits::default()).await;
    for number in 0..40 {
        let name = format!("a_{number}.ts");
        let answer = answer_for(&house, &name).await;
        let mut client = house.connect().await;
        client.send(put(&name, &format!("{answer}Transfer-Encoding: chunked\r\nConnection: close\r\n"))).await;
        client.send(chunked(SEGMENT)).await;
        client.stream.shutdown().await.unwrap();
        drop(client);
    }
    for _ in 0..100 {
        if house.objects().await == 40 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} of 40 segments were stored", house.objects().await);
}

#[tokio::test]
async fn one_challenge_serves_a_whole_connection() {
    let house = House::new(BodyLimits::default()).await;
    let mut client = house.connect().await;
    client.send(put("0.ts", "Content-Length: 0\r\n")).await;
    let head = client.head().await;
    let names: Vec<String> = (0..5).map(|number| format!("{number}.ts")).collect();
    for (name, answer) in names.iter().zip(answers(&head, &names)) {
        client.send(put(name, &format!("{answer}Transfer-Encoding: chunked\r\n"))).await;
        client.send(chunked(SEGMENT)).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 201 "), "{name}: {head}");
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_with_408_and_one_without_end_with_413() {
    let limits = BodyLimits { idle_time: Duration::from_millis(300), segment_bytes: 100_000, ..BodyLimits::default() };
    let house = House::new(limits).await;
    let answer = answer_for(&house, "slow.ts").await;
    let mut client = house.connect().await;
    client.send(put("slow.ts", &format!("{answer}Transfer-Encoding: chunked\r\n"))).await;
    client.send("5\r\nabc").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 408 ") && head.contains("connection: close"), "{head}");
    assert!(client.is_closed().await);

    let answer = answer_for(&house, "long.ts").await;
    let mut client = house.connect().await;
    client.send(put("long.ts", &format!("{answer}Transfer-Encoding: chunked\r\n"))).await;
    client.send(&chunked(&Bytes::from(vec![0x47; 120_000]))[..110_000]).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(house.objects().await, 0);
}
