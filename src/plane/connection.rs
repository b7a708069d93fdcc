//! What is known of the connection on which a request came.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// One client connection: who is there, and what planes remember about it until it closes.
pub struct Connection {
    /// Counts the server's connections from 1; for logs.
    pub id: u64,
    /// The client's address as the socket tells it.
    pub peer: SocketAddr,
    memory: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

impl Connection {
    /// A new connection that nobody remembers anything about.
    pub fn new(id: u64, peer: SocketAddr) -> Self {
        Connection { id, peer, memory: Mutex::new(Vec::new()) }
    }

    /// This connection's one `T`, made on first use and dropped with the connection.
    pub fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in memory.iter() {
            if let Ok(found) = Arc::clone(entry).downcast::<T>() {
                return found;
            }
        }
        let made = Arc::new(T::default());
        memory.push(made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    #[test]
    fn each_type_is_remembered_once_per_connection() {
        let connection = Connection::new(1, ([127, 0, 0, 1], 1).into());
        connection.memory::<AtomicU32>().store(7, Ordering::Relaxed);
        connection.memory::<AtomicU64>().store(8, Ordering::Relaxed);
        assert_eq!(connection.memory::<AtomicU32>().load(Ordering::Relaxed), 7);
        let other = Connection::new(2, ([127, 0, 0, 1], 1).into());
        assert_eq!(other.memory::<AtomicU32>().load(Ordering::Relaxed), 0);
    }
}
