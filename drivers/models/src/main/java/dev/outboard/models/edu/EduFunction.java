package dev.outboard.models.edu;

import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import dev.outboard.models.pci.PciIdentification;
import dev.outboard.models.pci.PciModel;
import dev.outboard.models.pci.PciPort;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The teaching device. What it is told to compute or copy is done after the register was written,
 * between two looks at the socket. The loop's thread.
 */
public final class EduFunction implements PciModel {
    /** Factorials computed, copies made, copies refused: what {@link #counters} count. */
    public static final int FACTORIALS = 0;

    public static final int COPIES = 1;
    public static final int FAULTS = 2;

    private static final int COUNTERS = 3;

    private final PciPort port;
    private final Counters counters;
    private final MemorySegment buffer =
            Arena.ofAuto().allocate(EduDescriptor.BUFFER_BYTES, Long.BYTES);
    private final DmaWindow window = new DmaWindow();
    private int inverted;
    private int factorial;
    private int status;
    private int raised;
    private long source;
    private long target;
    private long length;
    private long command;

    /** One that rests. */
    public EduFunction(PciPort port, Counters counters) {
        this.port = port;
        this.counters = counters;
    }

    /** Counters, all 0. */
    public static Counters counters() {
        return new Counters(COUNTERS);
    }

    @Override
    public PciIdentification identification() {
        return new PciIdentification(
                EduDescriptor.VENDOR,
                EduDescriptor.DEVICE,
                0x10,
                EduDescriptor.CLASS_CODE,
                1,
                0,
                -1);
    }

    @Override
    public long regionBytes(int region) {
        return region == 0 ? EduDescriptor.REGION_BYTES : 0;
    }

    private static void requireWidth(long offset, int bytes) {
        boolean isRight =
                bytes == Integer.BYTES || offset >= EduDescriptor.WIDE && bytes == Long.BYTES;
        if (!isRight) {
            throw new IllegalArgumentException(
                    "no register of %d bytes at 0x%x".formatted(bytes, offset));
        }
    }

    @Override
    public long read(int region, long offset, int bytes) {
        requireWidth(offset, bytes);
        return switch ((int) offset) {
            case EduDescriptor.IDENTITY -> EduDescriptor.VERSION;
            case EduDescriptor.LIVENESS -> inverted;
            case EduDescriptor.FACTORIAL -> factorial;
            case EduDescriptor.STATUS -> status;
            case EduDescriptor.RAISED -> raised;
            case EduDescriptor.SOURCE -> source;
            case EduDescriptor.TARGET -> target;
            case EduDescriptor.LENGTH -> length;
            case EduDescriptor.COMMAND -> command;
            default -> -1;
        };
    }

    @Override
    public void write(int region, long offset, int bytes, long value) {
        requireWidth(offset, bytes);
        long whole = bytes == Integer.BYTES ? value & 0xffff_ffffL : value;
        switch ((int) offset) {
            case EduDescriptor.LIVENESS -> inverted = (int) ~value;
            case EduDescriptor.FACTORIAL -> startFactorial((int) value);
            case EduDescriptor.STATUS ->
                    status =
                            status & ~EduDescriptor.STATUS_INTERRUPT
                                    | (int) value & EduDescriptor.STATUS_INTERRUPT;
            case EduDescriptor.RAISE -> raise((int) value);
            case EduDescriptor.ACKNOWLEDGE -> raised &= (int) ~value;
            default -> writeCopy((int) offset, whole);
        }
    }

    /** While it copies, nothing of the copy can be changed. */
    private void writeCopy(int offset, long value) {
        if ((command & EduDescriptor.COMMAND_GO) != 0) {
            return;
        }
        switch (offset) {
            case EduDescriptor.SOURCE -> source = value;
            case EduDescriptor.TARGET -> target = value;
            case EduDescriptor.LENGTH -> length = value;
            case EduDescriptor.COMMAND -> command = value & EduDescriptor.COMMAND_BITS;
            default -> {
                // Nothing is there.
            }
        }
    }

    private void startFactorial(int number) {
        if ((status & EduDescriptor.STATUS_COMPUTING) == 0) {
            factorial = number;
            status |= EduDescriptor.STATUS_COMPUTING;
        }
    }

    private void raise(int bits) {
        raised |= bits;
        if (raised != 0) {
            port.interrupt(0);
        }
    }

    @Override
    public boolean poll(long nowNanos) {
        boolean isComputing = (status & EduDescriptor.STATUS_COMPUTING) != 0;
        boolean isCopying = (command & EduDescriptor.COMMAND_GO) != 0;
        if (isComputing) {
            compute();
        }
        if (isCopying) {
            copy();
        }
        return isComputing || isCopying;
    }

    private void compute() {
        int product = 1;
        // Beyond 34! 32 bits of the product are 0, and it can only stay so.
        for (int factor = factorial; factor > 0 && product != 0; factor--) {
            product *= factor;
        }
        factorial = product;
        status &= ~EduDescriptor.STATUS_COMPUTING;
        counters.add(FACTORIALS, 1);
        if ((status & EduDescriptor.STATUS_INTERRUPT) != 0) {
            raise(EduDescriptor.RAISED_FACTORIAL);
        }
    }

    private void copy() {
        boolean isToMemory = (command & EduDescriptor.COMMAND_TO_MEMORY) != 0;
        long place = (isToMemory ? source : target) - EduDescriptor.BUFFER;
        long iova = isToMemory ? target : source;
        boolean isInside =
                place >= 0
                        && length >= 0
                        && length <= EduDescriptor.BUFFER_BYTES
                        && place <= EduDescriptor.BUFFER_BYTES - length;
        boolean isDone = isInside && move(iova, place, isToMemory);
        counters.add(isDone ? COPIES : FAULTS, 1);
        boolean interrupts = (command & EduDescriptor.COMMAND_INTERRUPT) != 0;
        command &= ~EduDescriptor.COMMAND_GO;
        if (interrupts) {
            raise(EduDescriptor.RAISED_COPY);
        }
    }

    private boolean move(long iova, long place, boolean isToMemory) {
        BusMaster bus = port.bus();
        int access = isToMemory ? Access.WRITE : Access.READ;
        bus.enter();
        long done = 0;
        while (done < length && bus.resolve(iova + done, length - done, access, window)) {
            if (isToMemory) {
                MemorySegment.copy(
                        buffer, place + done, window.memory, window.offset, window.lengthBytes);
            } else {
                MemorySegment.copy(
                        window.memory, window.offset, buffer, place + done, window.lengthBytes);
            }
            done += window.lengthBytes;
        }
        bus.exit();
        return done == length;
    }

    @Override
    public void reset() {
        inverted = 0;
        factorial = 0;
        status = 0;
        raised = 0;
        source = 0;
        target = 0;
        length = 0;
        command = 0;
        buffer.fill((byte) 0);
    }

    @Override
    public boolean askForDoorbells(long nowNanos) {
        return poll(nowNanos);
    }

    /** Whatever there is to do came by the socket. */
    @Override
    public long sleepLimitNanos(long nowNanos) {
        return DeviceLoop.FOREVER;
    }
}
