package dev.outboard.serve;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.internet.InternetSum;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Finishes the checksum of a frame for a client that takes none unfinished. Stateless; allocates
 * nothing.
 */
final class Sums {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Sums() {}

    /**
     * Sums from where the offload says to the end, and stores the sum in the frame.
     *
     * @return false where the sum's place is not in the first piece with all before it
     */
    static boolean finish(Pieces frame, long offload) {
        int start = FrameOffload.startBytes(offload);
        int at = start + FrameOffload.offsetBytes(offload);
        if (at + Short.BYTES > frame.lengthBytes(0)) {
            return false;
        }
        int sum = 0;
        boolean isOdd = false;
        for (int i = 0; i < frame.count(); i++) {
            int skip = i == 0 ? start : 0;
            int bytes = frame.lengthBytes(i) - skip;
            int part =
                    InternetSum.fold(
                            InternetSum.add(0, frame.memory(i), frame.offset(i) + skip, bytes));
            // Behind an odd number of bytes every byte is in the other half of its word.
            sum += isOdd ? (part & 0xff) << 8 | part >>> 8 : part;
            isOdd ^= (bytes & 1) != 0;
        }
        MemorySegment memory = frame.memory(0);
        memory.set(SHORT, frame.offset(0) + at, InternetSum.storedOrOnes(InternetSum.fold(sum)));
        return true;
    }
}
