package dev.outboard.dma.device;

import java.util.Arrays;

/**
 * Ranges of IOVA that a device needs all the time, such as rings: told again whenever it has
 * dropped everything. Any thread.
 */
final class KeptRanges {
    /** Three for each of many queues; of those beyond, a device is told once. */
    private static final int MOST = 3 * 256;

    /** First IOVA and length, in pairs; never changed, replaced. */
    private volatile long[] ranges = {};

    synchronized void add(long iova, long lengthBytes) {
        long[] before = ranges;
        if (before.length < 2 * MOST) {
            long[] more = Arrays.copyOf(before, before.length + 2);
            more[before.length] = iova;
            more[before.length + 1] = lengthBytes;
            ranges = more;
        }
    }

    /** Tells the device what is mapped under all of them; gives how many translations that took. */
    int send(DeviceIotlb iotlb, RangeAnswer answer) {
        long[] all = ranges;
        int sent = 0;
        for (int index = 0; index < all.length; index += 2) {
            sent += answer.send(iotlb, all[index], all[index + 1]);
        }
        return sent;
    }
}
