"""CBOR as the storage protocol has it: integers, byte and text strings, arrays, maps, true, false, null, and sets (tag 258
around an array, a `set` here). The decoder is as strict as what a server of ours may emit: shortest forms, definite lengths,
no key and no member twice, nothing behind the value."""

SET_TAG = 258


def encode(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return head(6, SET_TAG) + encode(sorted(value))
    raise TypeError(f"no CBOR for {type(value)}")


def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError("an integer of more than 64 bits")


def decode(data):
    decoder = Decoder(data)
    value = decoder.value()
    if decoder.at != len(data):
        raise ValueError(f"{len(data) - decoder.at} bytes behind the value")
    return value


class Decoder:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def argument(self, code):
        if code < 24:
            return code
        if code > 27:
            raise ValueError("an indefinite or reserved length")
        size = 1 << (code - 24)
        value = int.from_bytes(self.take(size), "big")
        if value < (24 if size == 1 else 1 << 4 * size):
            raise ValueError("not the shortest form")
        return value

    def value(self):
        first = self.take(1)[0]
        major, code = first >> 5, first & 31
        if major == 7:
            return {20: False, 21: True, 22: None}[code]
        argument = self.argument(code)
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return bytes(self.take(argument))
        if major == 3:
            return self.take(argument).decode()
        if major == 4:
            return [self.value() for _ in range(argument)]
        if major == 5:
            return self.map(argument)
        return self.set(argument)

    def map(self, count):
        out = {}
        for _ in range(count):
            key = self.value()
            if key in out:
                raise ValueError(f"key {key!r} twice")
            out[key] = self.value()
        return out

    def set(self, tag):
        members = self.value()
        if tag != SET_TAG or not isinstance(members, list):
            raise ValueError(f"tag {tag}")
        if len(set(members)) != len(members):
            raise ValueError("a member twice")
        return set(members)
