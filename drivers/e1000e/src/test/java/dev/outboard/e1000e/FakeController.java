package dev.outboard.e1000e;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.QueueTransport;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * A controller in the test's own hands: registers that remember, and rings that a test works by
 * itself, honestly or not. Its memory is where physical addresses say. One thread, but for the
 * registers.
 */
final class FakeController implements Device, AutoCloseable {
    private static final int REGISTER_BYTES = 128 << 10;

    final PhysicalMemory physical = PhysicalMemory.create(16 << 20);
    private final Dma dma = Dma.off(physical);
    private final int vectors;
    private final EventDescriptor[] events;
    final int[] registers = new int[REGISTER_BYTES / Integer.BYTES];
    private final MemorySegment memory = physical.segments().getFirst().memory();
    private final long firstAddress = physical.segments().getFirst().physicalAddress();
    int addressLow = 2;
    int addressHigh = E1000eDescriptor.ADDRESS_VALID | 0x0100;

    /** What the address is read from, where its registers are empty. */
    int[] eeprom;

    /** Nobody answers on the bus: reads are all ones. */
    volatile boolean isGone;

    volatile boolean lost;
    volatile boolean isUp = true;
    volatile int causes;
    int tailWrites;

    FakeController(int vectors) {
        this.vectors = vectors;
        events = new EventDescriptor[vectors];
        powerOn();
    }

    /** As after power-on, with the address 02:00:00:00:00:01. */
    void powerOn() {
        Arrays.fill(registers, 0);
        set(E1000eDescriptor.EEPROM_CONTROL, E1000eDescriptor.EEPROM_LOADED);
        if (eeprom == null) {
            set(E1000eDescriptor.ADDRESS_LOW, addressLow);
            set(E1000eDescriptor.ADDRESS_HIGH, addressHigh);
        }
    }

    void set(int register, int value) {
        registers[register / Integer.BYTES] = value;
    }

    int get(int register) {
        return registers[register / Integer.BYTES];
    }

    /** A descriptor's two words. */
    long ringWord(int base, int index, int word) {
        return memory.get(ValueLayout.JAVA_LONG, ringAt(base, index) + word);
    }

    void setRingWord(int base, int index, int word, long value) {
        E1000eDescriptor.WORD.setRelease(memory, ringAt(base, index) + word, value);
    }

    private long ringAt(int base, int index) {
        long iova =
                get(base + E1000eDescriptor.RING_ADDRESS) & 0xffff_ffffL
                        | (long) get(base + E1000eDescriptor.RING_ADDRESS_HIGH) << 32;
        int entries = get(base + E1000eDescriptor.RING_BYTES) / E1000eDescriptor.ENTRY_BYTES;
        return iova - firstAddress + (long) (index & entries - 1) * E1000eDescriptor.ENTRY_BYTES;
    }

    int tail(int base) {
        return get(base + E1000eDescriptor.RING_TAIL);
    }

    MemorySegment at(long iova, int lengthBytes) {
        return memory.asSlice(iova - firstAddress, lengthBytes);
    }

    void copy(long fromIova, long toIova, int lengthBytes) {
        MemorySegment.copy(
                memory, fromIova - firstAddress, memory, toIova - firstAddress, lengthBytes);
    }

    /** Says of a buffer that it is filled. */
    void fill(int index, int lengthBytes, int status) {
        setRingWord(
                E1000eDescriptor.FILL_BASE,
                index,
                E1000eDescriptor.ENTRY_WORD,
                (long) lengthBytes << 32
                        | status
                        | E1000eDescriptor.FILLED
                        | E1000eDescriptor.FILLED_END);
    }

    /** Says of a part that it is sent. */
    void sent(int index) {
        long word = ringWord(E1000eDescriptor.SEND_BASE, index, E1000eDescriptor.ENTRY_WORD);
        setRingWord(
                E1000eDescriptor.SEND_BASE,
                index,
                E1000eDescriptor.ENTRY_WORD,
                word | (long) E1000eDescriptor.SENT << 32);
    }

    void raise(int vector, int because) {
        causes |= because;
        events[vector].signal();
    }

    private final class Space implements Registers {
        @Override
        public long lengthBytes() {
            return REGISTER_BYTES;
        }

        @Override
        public int getInt(long offset) {
            int register = (int) offset;
            int value = get(register);
            if (isGone) {
                return -1;
            }
            return switch (register) {
                case E1000eDescriptor.STATUS -> isUp ? 0x83 : 0x81;
                case E1000eDescriptor.CONTROL -> value & ~E1000eDescriptor.CONTROL_RESET;
                case E1000eDescriptor.PHY_ACCESS ->
                        E1000eDescriptor.PHY_READY | E1000eDescriptor.PHY_NEGOTIATE;
                case E1000eDescriptor.EEPROM_READ ->
                        eeprom[value >>> 2 & 0xff] << 16 | E1000eDescriptor.EEPROM_DONE;
                case E1000eDescriptor.CAUSES -> {
                    int now = causes;
                    causes = 0;
                    yield now;
                }
                default -> value;
            };
        }

        @Override
        public void putInt(long offset, int value) {
            int register = (int) offset;
            if (isGone) {
                return;
            }
            if (register == E1000eDescriptor.CONTROL
                    && (value & E1000eDescriptor.CONTROL_RESET) != 0) {
                powerOn();
                return;
            }
            if (register == E1000eDescriptor.FILL_BASE + E1000eDescriptor.RING_TAIL
                    || register == E1000eDescriptor.SEND_BASE + E1000eDescriptor.RING_TAIL) {
                tailWrites++;
            }
            if (register != E1000eDescriptor.CAUSES) {
                set(register, value);
            }
        }

        @Override
        public byte getByte(long offset) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }

        @Override
        public void putByte(long offset, byte value) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }

        @Override
        public short getShort(long offset) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }

        @Override
        public void putShort(long offset, short value) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }

        @Override
        public long getLong(long offset) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }

        @Override
        public void putLong(long offset, long value) {
            throw new UnsupportedOperationException("registers of this device have 32 bits");
        }
    }

    @Override
    public String name() {
        return "fake0";
    }

    @Override
    public DeviceId id() {
        return new DeviceId("pci", 0x8086, 0x10d3);
    }

    @Override
    public Dma dma() {
        return dma;
    }

    @Override
    public PagePool pages() {
        throw new DeviceException("fake0 has no pool");
    }

    @Override
    public Registers registers(int region) {
        return new Space();
    }

    @Override
    public QueueTransport queues() {
        throw new DeviceException("fake0 has no queues");
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        throw new DeviceException("fake0 has lines of its driver's only");
    }

    @Override
    public Interrupt interrupt(int vector, InterruptLine line) {
        if (vector >= vectors) {
            throw new DeviceException("fake0 has no vector " + vector);
        }
        events[vector] = EventDescriptor.create();
        return Interrupt.open("fake0 vector " + vector, line, events[vector], WaitPolicy.BLOCK);
    }

    @Override
    public int vectors() {
        return vectors;
    }

    @Override
    public boolean isLost() {
        return lost;
    }

    @Override
    public void close() {
        dma.close();
        physical.close();
    }
}
