"""Takes 20 GB, in C, and touches all of it."""

import ctypes


def main(pc, params):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(200):
        place = libc.malloc(ctypes.c_size_t(100 << 20))
        ctypes.memset(place, 1, 100 << 20)
