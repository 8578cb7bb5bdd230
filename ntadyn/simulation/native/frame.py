"""What XLA hands to a function that it calls, as compiled code reads it: the frame of a call in XLA's FFI.

A frame is a row of words of 64 bits. Of those that matter here, word 1 leads to a question in place of a call, word 9
to the arrays that go in, word 14 to those that come out; in each of these, word 3 is the place of the numbers and word
5 that of the sizes. The layout is that of version 0.1 of the interface (`xla/ffi/api/c_api.h` in jaxlib), which later
ones extend. Kept as text, because the functions are part of every kernel, and Numba need not be installed.
"""

TEXT = """VERSION = (0, 1)
QUESTION = 1  # "which version is it written for?"


@intrinsic
def pointer(typingctx, address):
    # An integer as a pointer.

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), codegen


@njit(cache=CACHE)
def words_at(address, number):
    return carray(pointer(address), number, np.int64)


@njit(cache=CACHE)
def is_question(frame):
    # Whether XLA only asks for the version, which is then told.
    extension = carray(frame, 2, np.int64)[1]
    if extension == 0 or (words_at(extension, 4)[1] & 0xFFFFFFFF) != QUESTION:
        return False
    told = carray(pointer(words_at(extension, 4)[3]), 8, np.int32)
    told[6], told[7] = VERSION
    return True


@njit(cache=CACHE)
def array(frame, number):
    words = carray(frame, 15, np.int64)
    place = words_at(words[9], number + 1)[number] if number >= 0 else words_at(words[14], -number)[-number - 1]
    return words_at(place, 6)


@njit(cache=CACHE)
def at(frame, number):
    # Where the numbers of an array are: of the arguments from 0 on, of the results from -1 downwards.
    return pointer(array(frame, number)[3])


@njit(cache=CACHE)
def size(frame, number, axis):
    # The size of an array along an axis.
    return words_at(array(frame, number)[5], axis + 1)[axis]"""
