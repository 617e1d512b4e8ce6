package dev.outboard.uio.vhost;

/**
 * The header of every message. Source: vhost-user.rst, "Header".
 *
 * <pre>
 *    0               4               8               12
 *   +---------------+---------------+---------------+------------ …
 *   | request       | flags         | payload size  | payload
 *   +---------------+---------------+---------------+------------ …
 *
 *   flags:  bits 0–1  version, 1
 *           bit  2    this is an answer
 *           bit  3    an answer is wanted (with REPLY_ACK)
 * </pre>
 */
final class HeaderDescriptor {
    static final int REQUEST_OFFSET = 0;
    static final int FLAGS_OFFSET = 4;
    static final int SIZE_OFFSET = 8;
    static final int HEADER_BYTES = 12;

    static final int VERSION_MASK = 0x3;
    static final int VERSION = 0x1;
    static final int FLAG_REPLY = 1 << 2;
    static final int FLAG_NEED_REPLY = 1 << 3;

    private HeaderDescriptor() {}
}
