"""Reads where there is nothing."""

import ctypes


def main(pc, params):
    ctypes.string_at(0)
