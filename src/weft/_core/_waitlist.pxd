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


cdef inline void node_init(WaitNode* node, PyObject* waiter) noexcept nogil:
    node.next = node
    node.prev = node
    node.waiter = waiter


cdef inline bint node_linked(WaitNode* node) noexcept nogil:
    return node.next != node


cdef inline void node_append(WaitNode* head, WaitNode* node) noexcept nogil:
    node.prev = head.prev
    node.next = head
    head.prev.next = node
    head.prev = node


cdef inline void node_unlink(WaitNode* node) noexcept nogil:
    node.prev.next = node.next
    node.next.prev = node.prev
    node.next = node
    node.prev = node


cdef inline WaitNode* node_pop(WaitNode* head) noexcept nogil:
    """The first of the list, unlinked; NULL when there is none."""
    cdef WaitNode* node = head.next
    if node == head:
        return NULL
    node_unlink(node)
    return node
