"""Intrusive lists of those who wait.

A node lives inside its waiter (a Task's own node, or an array while a task
waits on many things), so waiting allocates nothing and leaving is O(1) from
anywhere. A list is a circle through its head; a node that is in no list
points at itself.

All of this runs under the GIL, in pieces that call no Python.
"""

from cpython.object cimport PyObject

cdef struct WaitNode:
    WaitNode* next
    WaitNode* prev
    PyObject* waiter     # borrowed: whoever is linked is kept alive by its hub


cdef struct WaitList:    # a head: the first two fields of a node
    WaitNode* next
    WaitNode* prev


cdef inline void list_init(WaitList* head) noexcept nogil:
    head.next = head.prev = <WaitNode*>head


cdef inline void node_init(WaitNode* node, PyObject* waiter) noexcept nogil:
    node.next = node
    node.prev = node
    node.waiter = waiter


cdef inline bint node_linked(WaitNode* node) noexcept nogil:
    return node.next != node


cdef inline void node_append(WaitList* head, WaitNode* node) noexcept nogil:
    node.prev = head.prev
    node.next = <WaitNode*>head
    head.prev.next = node
    head.prev = node


cdef inline void node_prepend(WaitList* head, WaitNode* node) noexcept nogil:
    node.next = head.next
    node.prev = <WaitNode*>head
    head.next.prev = node
    head.next = node


cdef inline void list_move(WaitList* source, WaitList* target) noexcept nogil:
    """Append all of ``source`` to ``target``, in its order."""
    if source.next == <WaitNode*>source:
        return
    source.next.prev = target.prev
    target.prev.next = source.next
    source.prev.next = <WaitNode*>target
    target.prev = source.prev
    list_init(source)


cdef inline bint list_empty(WaitList* head) noexcept nogil:
    return head.next == <WaitNode*>head


cdef inline Py_ssize_t list_length(WaitList* head) noexcept nogil:
    cdef Py_ssize_t length = 0
    cdef WaitNode* node = head.next
    while node != <WaitNode*>head:
        length += 1
        node = node.next
    return length


cdef inline void node_unlink(WaitNode* node) noexcept nogil:
    node.prev.next = node.next
    node.next.prev = node.prev
    node.next = node
    node.prev = node


cdef inline WaitNode* node_pop(WaitList* head) noexcept nogil:
    """The first of the list, unlinked; NULL when there is none."""
    cdef WaitNode* node = head.next
    if node == <WaitNode*>head:
        return NULL
    node_unlink(node)
    return node
