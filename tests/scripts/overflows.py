"""Recurses in C until there is no stack."""

import resource


def deeper(depth):
    return sorted([depth], key=lambda depth: deeper(depth - 1) if depth else 0)


def main(pc, params):
    # 8 MB would take a recursion that Python forbids.
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 10, resource.RLIM_INFINITY))
    deeper(300)
