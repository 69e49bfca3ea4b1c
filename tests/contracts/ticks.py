"""What the ticks of a Uniswap v3 pool are worth, in exact numbers."""

from fractions import Fraction


def tick_at(price):
    """The last tick at or below a price, by halving."""
    low, high = -887_272, 887_272
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(middle) <= price else (low, middle)
    return low


def power(tick):
    """1.0001^tick; 400 bits are more than the contract has."""
    bits = 400
    size, result, base = abs(tick), 1 << bits, (10001 << bits) // 10000
    while size:
        if size & 1:
            result = result * base >> bits
        base = base * base >> bits
        size >>= 1
    return Fraction(result, 1 << bits) if tick >= 0 else Fraction(1 << bits, result)
