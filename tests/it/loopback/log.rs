//! What a client logs, as text.

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

/// Ends the log when it is dropped.
pub struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl Log {
    /// Takes in what this thread logs up to `level`, of whatever crate.
    ///
    /// One subscriber serves all tests of the process: tracing remembers of
    /// each event whether anybody listens, and scoped ones confuse it.
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

/// The log of the thread that logs, if there is one.
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
