"""What only the debug build does (``WEFT_DEBUG=1``): count, and check invariants.

In a release build all of it compiles to nothing.
"""

cdef extern from *:
    """
    #ifndef WEFT_DEBUG
    #define WEFT_DEBUG 0
    #endif

    static long weft_counted = 0;
    #if WEFT_DEBUG
    #define weft_count(n) (weft_counted += (n))
    #define weft_check(holds) \
        ((holds) ? (void)0 : Py_FatalError("weft: invariant broken: " #holds))
    #else
    #define weft_count(n) ((void)weft_counted)
    #define weft_check(holds) ((void)0)
    #endif
    """
    enum: WEFT_DEBUG
    long weft_counted             # of the module that counts; each has its own
    void weft_count(long n) noexcept nogil
    void weft_check(bint holds) noexcept nogil
