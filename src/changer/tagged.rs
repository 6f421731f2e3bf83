//! Progress of one drive among several that are at work.

use crate::event::{Event, Monitor, Progress};

/// Tells on what it hears; tasks get the name of who is at them.
pub struct Tagged<'a> {
    inner: &'a dyn Monitor,
    who: String,
}

impl<'a> Tagged<'a> {
    /// What `who` does is told to `inner`.
    pub fn new(inner: &'a dyn Monitor, who: impl Into<String>) -> Self {
        Self {
            inner,
            who: who.into(),
        }
    }

    fn name(&self, task: &str) -> String {
        format!("{}: {task}", self.who)
    }
}

impl Monitor for Tagged<'_> {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Progress(progress) => {
                let task = self.name(progress.task);
                self.inner.observe(&Event::Progress(Progress {
                    task: &task,
                    ..*progress
                }));
            }
            Event::ProgressEnd(task) => {
                self.inner.observe(&Event::ProgressEnd(&self.name(task)));
            }
            other => self.inner.observe(other),
        }
    }

    fn is_watched(&self) -> bool {
        self.inner.is_watched()
    }
}
