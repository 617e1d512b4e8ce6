package dev.outboard.e1000e;

import dev.outboard.driver.net.NetworkStatistics;
import dev.outboard.uio.Registers;

/** Sums of the counters that the device clears when they are read. Any thread. */
final class Counters {
    private final Registers registers;
    private long receivedFrames;
    private long receivedBytes;
    private long sentFrames;
    private long sentBytes;
    private long missedFrames;
    private long damagedFrames;

    Counters(Registers registers) {
        this.registers = registers;
    }

    synchronized NetworkStatistics read() {
        receivedFrames += word(E1000eDescriptor.COUNT_GOOD_RECEIVED);
        receivedBytes += pair(E1000eDescriptor.COUNT_BYTES_RECEIVED);
        sentFrames += word(E1000eDescriptor.COUNT_GOOD_SENT);
        sentBytes += pair(E1000eDescriptor.COUNT_BYTES_SENT);
        missedFrames +=
                word(E1000eDescriptor.COUNT_MISSED) + word(E1000eDescriptor.COUNT_NO_BUFFER);
        damagedFrames += word(E1000eDescriptor.COUNT_CRC_ERRORS);
        return new NetworkStatistics(
                receivedFrames, receivedBytes, sentFrames, sentBytes, missedFrames, damagedFrames);
    }

    private long word(int register) {
        return Integer.toUnsignedLong(registers.getInt(register));
    }

    /** The upper half is read last: reading it clears both. */
    private long pair(int register) {
        long low = word(register);
        return low | word(register + Integer.BYTES) << Integer.SIZE;
    }
}
