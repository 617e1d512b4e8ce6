package dev.outboard.nvme;

import dev.outboard.driver.block.BlockStatus;

/**
 * Status of a completion: a code, its type, and whether to try again (NVM Express 1.4, section
 * 4.6.1).
 *
 * <pre>
 *   14    13  12 11  10   8 7       0
 *   +-----+---+-----+------+--------+
 *   | DNR | M | CRD | type | code   |
 *   +-----+---+-----+------+--------+
 * </pre>
 */
final class NvmeStatus {
    private static final int DO_NOT_RETRY = 1 << 14;
    private static final int CODE_MASK = 0x7ff;
    private static final int INVALID_OPCODE = 0x01;

    private NvmeStatus() {}

    /** Whether the controller thinks that the same command may succeed the next time. */
    static boolean mayRetry(int status) {
        return (status & CODE_MASK) != 0 && (status & DO_NOT_RETRY) == 0;
    }

    static int toBlockStatus(int status) {
        return switch (status & CODE_MASK) {
            case 0 -> BlockStatus.OK;
            case INVALID_OPCODE -> BlockStatus.UNSUPPORTED;
            default -> BlockStatus.IO_ERROR;
        };
    }

    /** In words that a specification can be looked up by. */
    static String describe(int status) {
        return "status type %d code 0x%02x".formatted(status >>> 8 & 7, status & 0xff);
    }
}
