//! Ranges of files go from the page cache to the socket by `sendfile(2)`.
//!
//! HTTP/1.1 answers a connection's requests one after another, so the ranges are sent in the order in which the
//! answers had them. hyper writes a placeholder for each ([`is_placeholder`](crate::plane::is_placeholder)); for so
//! many bytes of it as many of the file are sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::plane::{BodySlice, FileSlice, ResponseBody, ResponseBodyError};

/// What is to be sent on one connection, in order.
#[derive(Debug, Default)]
pub(super) struct FilesToSend(Mutex<VecDeque<FileSlice>>);

impl FilesToSend {
    /// Adds a range that hyper will write a placeholder for.
    fn add(&self, slice: FileSlice) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(slice);
    }

    /// Sends at most `count` bytes of the first range, as many as the socket takes now.
    pub(super) fn poll_send(
        &self,
        stream: &TcpStream,
        context: &mut Context<'_>,
        count: usize,
    ) -> Poll<io::Result<usize>> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slice) = files.front_mut() else {
            return Poll::Ready(Err(io::Error::other("a placeholder is written and no file is to be sent")));
        };
        let count = count.min(slice.len());
        loop {
            ready!(stream.poll_write_ready(context))?;
            let sent = stream.try_io(Interest::WRITABLE, || {
                let mut offset = slice.offset();
                Ok(rustix::fs::sendfile(stream, slice.file(), Some(&mut offset), count)?)
            });
            match sent {
                Ok(0) => return Poll::Ready(Err(io::Error::other("a stored file is shorter than it was"))),
                Ok(sent) => {
                    slice.advance(sent);
                    if slice.is_empty() {
                        files.pop_front();
                    }
                    return Poll::Ready(Ok(sent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// An answer's body that notes which ranges of files hyper takes from it.
pub(super) struct AnswerBody {
    body: ResponseBody,
    files: Arc<FilesToSend>,
}

impl AnswerBody {
    /// The body of an answer on the connection with these files.
    pub(super) fn new(body: ResponseBody, files: Arc<FilesToSend>) -> Self {
        AnswerBody { body, files }
    }
}

impl Body for AnswerBody {
    type Data = BodySlice;
    type Error = ResponseBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<BodySlice>, ResponseBodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(BodySlice::File(slice)) = frame.data_ref()
        {
            self.files.add(slice.clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::SocketAddr;
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::plane::{AnswerFuture, BodySlice, Connection, Plane, Request, Response, ResponseBody};
    use crate::server::{Planes, Server, ServerLimits};

    /// Answers with memory and a file's ranges in turn; the path's number says where they begin.
    struct Mixed(Arc<File>);

    const SIZE: usize = 3_000_000;

    fn content() -> Vec<u8> {
        (0..SIZE as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn expected(from: usize) -> Vec<u8> {
        let content = content();
        [b"head".as_slice(), &content[from..], b"middle", &content[from..from + 10], b"", &content[..from]].concat()
    }

    impl Plane for Mixed {
        fn answer<'a>(&'a self, _: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
            let from: usize = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
            let file = |from: usize, length: usize| {
                BodySlice::from(crate::plane::FileSlice::new(self.0.clone(), from as u64, length))
            };
            let slices = [
                BodySlice::from(Bytes::from_static(b"head")),
                file(from, SIZE - from),
                Bytes::from_static(b"middle").into(),
                file(from, 10),
                file(0, from),
            ];
            let mut answer = Response::new(ResponseBody::slices(slices));
            let length = http::HeaderValue::from(expected(from).len());
            answer.headers_mut().insert(http::header::CONTENT_LENGTH, length);
            Box::pin(async move { answer })
        }
    }

    async fn serve() -> SocketAddr {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), content()).unwrap();
        let plane: Arc<dyn Plane> = Arc::new(Mixed(Arc::new(File::open(path.path()).unwrap())));
        let server = Server::bind(([127, 0, 0, 1], 0).into(), ServerLimits::default()).await.unwrap();
        let address = server.local_addr().unwrap();
        let planes = Planes { ingest: plane.clone(), origin: plane.clone(), console: plane.clone(), api: plane };
        tokio::spawn(server.serve(planes, std::future::pending()));
        address
    }

    /// Bodies of the answers to several requests that are sent at once.
    async fn bodies(address: SocketAddr, froms: &[usize]) -> Vec<Vec<u8>> {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut requests = String::new();
        for (index, from) in froms.iter().enumerate() {
            let close = if index + 1 == froms.len() { "Connection: close\r\n" } else { "" };
            requests.push_str(&format!("GET /out/{from} HTTP/1.1\r\nHost: x\r\n{close}\r\n"));
        }
        stream.write_all(requests.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let mut rest = received.as_slice();
        let mut bodies = Vec::new();
        for from in froms {
            let head = memchr::memmem::find(rest, b"\r\n\r\n").unwrap() + 4;
            let length = expected(*from).len();
            bodies.push(rest[head..head + length].to_vec());
            rest = &rest[head + length..];
        }
        assert!(rest.is_empty());
        bodies
    }

    #[tokio::test]
    async fn every_byte_arrives_in_its_place() {
        let address = serve().await;
        let froms = [0, 1, 777_777, SIZE - 10, 12];
        let bodies = bodies(address, &froms).await;
        for (from, body) in froms.iter().zip(bodies) {
            assert!(body == expected(*from), "the answer that begins at {from} differs");
        }
    }

    #[tokio::test]
    async fn many_slow_readers_get_what_is_theirs() {
        let address = serve().await;
        let readers: Vec<_> = (0..8usize)
            .map(|index| tokio::spawn(async move { bodies(address, &[index * 1000, index * 2000]).await }))
            .collect();
        for (index, reader) in readers.into_iter().enumerate() {
            let bodies = reader.await.unwrap();
            assert!(bodies[0] == expected(index * 1000) && bodies[1] == expected(index * 2000), "reader {index}");
        }
    }
}
