# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Channels: a sending and a receiving end, each shared by as many tasks as one likes.

Owns: the two ends, and what closing each of them means. A caller parks in
``send`` until there is room or a receiver, and in ``receive`` until there is
an item; the opposite operation wakes it, from any thread, and so does ``close``;
see _exchange.pyx. ``close`` never switches.
"""

from types import GenericAlias

cimport cython
from libc.stdint cimport int64_t

from weft._core._exchange cimport NOTHING, Exchange, Offer
from weft._core._sys cimport forever
from weft._core._waitlist cimport WaitList, list_length
from weft._core._waits cimport Choice, Selectable, breathe, wait_deadline

from weft._errors import ChannelClosed


@cython.final
@cython.no_gc_clear
cdef class Channel(Exchange):
    """What lies between the two ends."""

    cdef bint abandoned          # the receiving end is closed

    cdef object refusal(self):
        side = "receiving" if self.abandoned else "sending"
        return ChannelClosed(f"the {side} end of {self!r} is closed")

    def __repr__(self):
        return f"<weft.channel({self.limit}) at {<unsigned long><void*>self:#x}>"


@cython.final
cdef class Sender:
    """The sending end of a channel, made by :func:`weft.channel`; ``with`` closes it."""

    cdef Channel channel
    cdef object __weakref__

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, between=None):
        self.channel = required(between)

    def send(self, item, seconds=None):
        """Hand ``item`` to a receiver or leave it in the channel, waiting until one can.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Raises:
          TimeoutError: it was not possible in time; the item is not sent.
          weft.ChannelClosed: an end is closed, before or meanwhile; the item is not sent.
          Cancelled: the task was cancelled while it waited; the item is not sent.

        Parks: until there is room, or a receiver if the channel's size is 0.
        Woken by: ``receive``, ``close``, the timeout. Threads: any.
        """
        cdef int64_t deadline = wait_deadline(seconds)
        breathe()
        if self.channel.accept(item):
            return
        if deadline == 0 or not self.channel.wait_room("send", self, item, deadline):
            raise TimeoutError(f"{self!r}: nobody took the item within {seconds} s")

    def sending(self, item):
        """Sending ``item``, as a case of :func:`weft.choose`; nothing is sent before that.

        Example:
          >>> import weft
          >>> tx, rx = weft.channel(1)
          >>> offer = tx.sending("hello")
          >>> weft.choose(offer) == (offer, None)
          True
          >>> rx.receive()
          'hello'
        """
        return Offer(self.channel, item)

    def close(self):
        """End the channel: receivers get what is in it, then ``ChannelClosed``.

        A task that still waits in ``send`` gets ``ChannelClosed`` at once. To
        close again does nothing.

        Parks: never; may be called anywhere. Threads: any.
        """
        if not self.channel.closed:
            self.channel.shut(False)

    @property
    def closed(self):
        """Whether nothing can be sent any more, because either end is closed."""
        return self.channel.closed

    def statistics(self):
        """Counts, as a dict: ``items`` in the channel, its ``size``, how many were ``sent``
        in all, and how many tasks are ``sending`` and ``receiving``, that is, wait."""
        return counts(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __repr__(self):
        return in_words(self, self.channel)


@cython.final
cdef class Receiver(Selectable):
    """The receiving end of a channel, made by :func:`weft.channel`; ``with`` closes it.

    Iterating over it receives until the channel is closed and drained.
    """

    cdef Channel channel
    cdef object __weakref__

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, between=None):
        self.channel = required(between)

    def receive(self, seconds=None):
        """Take the next item, waiting for one if there is none.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Raises:
          TimeoutError: none came in time.
          weft.ChannelClosed: none is left and none can come, or this end is closed.
          Cancelled: the task was cancelled while it waited.

        Parks: while there is none. Woken by: ``send``, ``close``, the timeout. Threads: any.
        """
        cdef int64_t deadline = wait_deadline(seconds)
        breathe()
        item = self.channel.draw()
        if item is NOTHING:
            if self.channel.closed:
                raise self.channel.refusal()
            if deadline != 0:
                item = self.channel.wait_item("receive", self, deadline)
            if item is NOTHING:
                raise TimeoutError(f"{self!r}: no item came within {seconds} s")
        return item

    def __iter__(self):
        return self

    def __next__(self):
        breathe()
        item = self.channel.draw()
        if item is NOTHING and not self.channel.closed:
            try:
                item = self.channel.wait_item("receive", self, forever())
            except ChannelClosed:
                if not self.channel.closed:
                    raise
        if item is NOTHING:
            raise StopIteration
        return item

    def close(self):
        """Receive no more: what is in the channel is dropped, senders get ``ChannelClosed``.

        Those that wait get it at once, as do other tasks that wait in
        ``receive``. To close again does nothing.

        Parks: never; may be called anywhere. Threads: any.
        """
        if not self.channel.abandoned:
            self.channel.abandoned = True
            self.channel.shut(True)

    @property
    def closed(self):
        """Whether this end is closed; the other one is seen when all is received."""
        return self.channel.abandoned

    def statistics(self):
        """Counts, as a dict; see :meth:`Sender.statistics`."""
        return counts(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __repr__(self):
        return in_words(self, self.channel)

    # -- a case of choose() -----------------------------------------------------------

    cdef bint ready(self) noexcept:
        return self.channel.ready()

    cdef bint perform(self, Choice choice) except -1:
        return self.channel.perform(choice)

    cdef WaitList* line(self) noexcept:
        return self.channel.line()

    cdef int undo(self, object value) except -1:
        return self.channel.undo(value)


cdef Channel required(object between):
    if not isinstance(between, Channel):
        raise TypeError("an end of a channel is made by weft.channel()")
    return between


cdef dict counts(Channel channel):
    return {
        "items": len(channel.items),
        "size": channel.limit,
        "sent": channel.accepted,
        "sending": list_length(&channel.putters),
        "receiving": list_length(&channel.getters),
    }


cdef str in_words(object end, Channel channel):
    words = [f"{len(channel.items)} of {channel.limit} items"]
    if channel.closed:
        words.append(f"{'receiving' if channel.abandoned else 'sending'} end closed")
    for count, what in ((list_length(&channel.putters), "sending"),
                        (list_length(&channel.getters), "receiving")):
        if count:
            words.append(f"{count} {what}")
    return (f"<weft.{type(end).__qualname__} {', '.join(words)}, "
            f"channel at {<unsigned long><void*>channel:#x}>")


def channel(Py_ssize_t size=0):
    """A channel: items sent into one end come out of the other, in order, each of them once.

    Any number of tasks may share an end. There are no messages in between
    unless ``size`` allows them: by default ``send`` waits for a ``receive``.

    Args:
      size: how many items may be in the channel.

    Returns:
      The :class:`Sender` and the :class:`Receiver`.

    Raises:
      ValueError: ``size`` is negative.

    Parks: never. Threads: any.

    Example:
      >>> import weft
      >>> tx, rx = weft.channel()
      >>> def produce():
      ...     with tx:
      ...         for page in ["first", "second"]:
      ...             tx.send(page)
      >>> task = weft.spawn(produce)
      >>> list(rx)
      ['first', 'second']
    """
    cdef Channel between
    if size < 0:
        raise ValueError(f"the size of a channel cannot be negative, got {size}")
    between = Channel.__new__(Channel)
    between.limit = size
    return Sender(between), Receiver(between)
