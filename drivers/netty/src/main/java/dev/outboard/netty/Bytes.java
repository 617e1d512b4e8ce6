package dev.outboard.netty;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Numbers of a packet, big-endian and at any offset. Any thread; nothing allocates. */
final class Bytes {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Bytes() {}

    static int u8(MemorySegment memory, long at) {
        return memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }

    static int u16(MemorySegment memory, long at) {
        return memory.get(SHORT, at) & 0xffff;
    }

    static int i32(MemorySegment memory, long at) {
        return memory.get(INT, at);
    }

    static long i64(MemorySegment memory, long at) {
        return memory.get(LONG, at);
    }

    /** A MAC address, as the lower 48 bits. */
    static long mac(MemorySegment memory, long at) {
        return (long) u16(memory, at) << Integer.SIZE | i32(memory, at + 2) & 0xffff_ffffL;
    }

    static void putByte(MemorySegment memory, long at, int value) {
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    static void putShort(MemorySegment memory, long at, int value) {
        memory.set(SHORT, at, (short) value);
    }

    static void putInt(MemorySegment memory, long at, int value) {
        memory.set(INT, at, value);
    }

    static void putLong(MemorySegment memory, long at, long value) {
        memory.set(LONG, at, value);
    }

    static void putMac(MemorySegment memory, long at, long mac) {
        putShort(memory, at, (int) (mac >>> Integer.SIZE));
        putInt(memory, at + 2, (int) mac);
    }

    /** A MAC address from its six bytes. */
    static long mac(byte[] address) {
        long mac = 0;
        for (byte part : address) {
            mac = mac << Byte.SIZE | part & 0xff;
        }
        return mac;
    }
}
