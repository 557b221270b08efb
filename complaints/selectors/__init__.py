"""What pages about cases show, put together from several tables."""

from complaints.selectors.customers import Message, case_for, file_of, thread_of
from complaints.selectors.inbox import Inbox, Look, Queue, inbox

__all__ = ["Inbox", "Look", "Message", "Queue", "case_for", "file_of", "inbox", "thread_of"]
