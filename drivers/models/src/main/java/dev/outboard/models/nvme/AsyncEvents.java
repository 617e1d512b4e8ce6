package dev.outboard.models.nvme;

import java.util.Arrays;

/**
 * What the controller tells of its own accord, when the driver has asked to be told (NVM Express
 * 1.4, section 5.2). The loop's thread.
 */
final class AsyncEvents {
    /** Requests that wait at a time. */
    static final int MOST_REQUESTS = 4;

    /** Type 0, an error; information 0x01, a doorbell's value; log page 0x01. */
    static final int WRONG_DOORBELL = 0x01_01_00;

    private static final int MOST_KINDS = 8;
    private static final int TYPE_MASK = 7;
    private static final int LOG_SHIFT = 16;

    private final int[] requests = new int[MOST_REQUESTS];
    private int requestCount;

    /** By type: what happened and was not told; 0 for nothing. */
    private final int[] pending = new int[MOST_KINDS];

    private final boolean[] isToldOfType = new boolean[MOST_KINDS];
    private final boolean[] isPending = new boolean[MOST_KINDS];

    /** A request waits from now on; false if too many do. */
    boolean request(int id) {
        if (requestCount == MOST_REQUESTS) {
            return false;
        }
        requests[requestCount++] = id;
        return true;
    }

    /** Something happened. Of a type that was told, the driver hears when it has read the log. */
    void happened(int event) {
        int type = event & TYPE_MASK;
        pending[type] = event;
        isPending[type] = true;
    }

    /** The driver reads a log page: it may be told of that type again. */
    void readLog(int page) {
        for (int type = 0; type < MOST_KINDS; type++) {
            if (isToldOfType[type] && pending[type] >>> LOG_SHIFT == page) {
                isToldOfType[type] = false;
            }
        }
    }

    /** The type that can be told now, or -1. */
    int ready() {
        if (requestCount > 0) {
            for (int type = 0; type < MOST_KINDS; type++) {
                if (isPending[type] && !isToldOfType[type]) {
                    return type;
                }
            }
        }
        return -1;
    }

    /** What of it is told. */
    int tell(int type) {
        isPending[type] = false;
        isToldOfType[type] = true;
        return pending[type];
    }

    /** The request that is answered by it. */
    int takeRequest() {
        requestCount--;
        int id = requests[0];
        System.arraycopy(requests, 1, requests, 0, requestCount);
        return id;
    }

    void reset() {
        requestCount = 0;
        Arrays.fill(isPending, false);
        Arrays.fill(isToldOfType, false);
    }
}
