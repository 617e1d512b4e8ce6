package dev.outboard.clients;

/**
 * Layouts of the Trivial File Transfer Protocol. Numbers are big-endian, texts end with a zero.
 *
 * <pre>
 *   read request     1 u16, file, "octet", option, value, option, value …
 *   data             3 u16, block u16, up to a block of bytes; a short one is the last
 *   acknowledgement  4 u16, block u16
 *   error            5 u16, code u16, text
 *   options          6 u16, option, value, option, value …
 * </pre>
 *
 * <p>Source: RFC 1350; RFC 2347 to 2349 (options, blksize, tsize); RFC 7440 (windowsize).
 */
final class TftpDescriptor {
    static final int PORT = 69;
    static final int READ = 1;
    static final int DATA = 3;
    static final int ACKNOWLEDGE = 4;
    static final int ERROR = 5;
    static final int OPTIONS = 6;
    static final int HEADER_BYTES = 4;
    static final int BLOCK_BYTES = 512;
    static final int LEAST_BLOCK_BYTES = 8;
    static final int ERROR_UNKNOWN_TRANSFER = 5;
    static final int ERROR_OPTIONS = 8;
    static final String OPTION_BLOCK = "blksize";
    static final String OPTION_SIZE = "tsize";
    static final String OPTION_WINDOW = "windowsize";

    private TftpDescriptor() {}
}
