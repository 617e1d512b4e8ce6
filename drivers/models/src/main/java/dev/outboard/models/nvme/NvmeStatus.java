package dev.outboard.models.nvme;

/** Status of a completion: type above code (NVM Express 1.4, section 4.6.1). */
final class NvmeStatus {
    static final int OK = 0x00;
    static final int INVALID_OPCODE = 0x01;
    static final int INVALID_FIELD = 0x02;
    static final int DATA_TRANSFER_ERROR = 0x04;
    static final int INTERNAL_ERROR = 0x06;
    static final int ABORTED = 0x07;
    static final int INVALID_NAMESPACE = 0x0b;
    static final int INVALID_SGL_SEGMENT = 0x0d;
    static final int INVALID_SGL_COUNT = 0x0e;
    static final int INVALID_SGL_LENGTH = 0x0f;
    static final int INVALID_SGL_TYPE = 0x11;
    static final int INVALID_PRP_OFFSET = 0x13;
    static final int WRITE_PROTECTED = 0x20;
    static final int LBA_OUT_OF_RANGE = 0x80;

    static final int INVALID_COMPLETION_QUEUE = 0x100;
    static final int INVALID_QUEUE_ID = 0x101;
    static final int INVALID_QUEUE_SIZE = 0x102;
    static final int TOO_MANY_EVENT_REQUESTS = 0x105;
    static final int INVALID_VECTOR = 0x108;
    static final int INVALID_LOG_PAGE = 0x109;
    static final int INVALID_QUEUE_DELETION = 0x10c;
    static final int FEATURE_NOT_SAVEABLE = 0x10d;
    static final int FEATURE_NOT_CHANGEABLE = 0x10e;

    static final int WRITE_FAULT = 0x280;
    static final int UNRECOVERED_READ = 0x281;

    /** Do not try again: it will not be better. */
    static final int DO_NOT_RETRY = 0x4000;

    /** No completion yet: it comes later. */
    static final int LATER = -1;

    private NvmeStatus() {}

    /** As the driver is told it: what was wrong once is wrong again, but for an abort. */
    static int told(int status) {
        return status == OK || status == ABORTED ? status : status | DO_NOT_RETRY;
    }
}
