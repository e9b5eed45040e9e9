//! Records the events that a client logs, as text.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static CURRENT: RefCell<Option<(Level, Log)>> = const { RefCell::new(None) };
}

/// Stops the recording when it is dropped.
pub struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl Log {
    /// Records the events of this thread up to `level`, from all crates.
    ///
    /// All tests of the process share one subscriber, because tracing caches for
    /// each callsite whether it is enabled, and scoped subscribers interfere with
    /// that cache.
    pub fn start(level: Level) -> (Self, Guard) {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(Level::TRACE)
                .with_span_events(FmtSpan::CLOSE)
                .with_ansi(false)
                .with_writer(OfThread);
            subscriber.init();
        });
        let log = Self::default();
        CURRENT.set(Some((level, log.clone())));
        (log, Guard)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Writes to the log of the current thread, if it has one.
struct OfThread;

impl<'a> MakeWriter<'a> for OfThread {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        Box::new(io::sink())
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        CURRENT.with_borrow(|current| match current {
            Some((level, log)) if meta.level() <= level => Box::new(log.clone()),
            _ => Box::new(io::sink()) as Box<dyn Write>,
        })
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
