package dev.outboard.nvme;

import dev.outboard.driver.block.BlockStatus;

/** Status of a completion: a type and a code (NVM Express 1.4, section 4.6.1). */
final class NvmeStatus {
    private static final int CODE_MASK = 0x7ff;
    private static final int INVALID_OPCODE = 0x01;

    private NvmeStatus() {}

    static int toBlockStatus(int status) {
        return switch (status & CODE_MASK) {
            case 0 -> BlockStatus.OK;
            case INVALID_OPCODE -> BlockStatus.UNSUPPORTED;
            default -> BlockStatus.IO_ERROR;
        };
    }
}
