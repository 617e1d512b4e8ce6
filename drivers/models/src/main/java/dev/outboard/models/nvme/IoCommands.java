package dev.outboard.models.nvme;

import dev.outboard.backend.loop.Counters;
import dev.outboard.dma.BusMaster;
import dev.outboard.iommu.Access;
import dev.outboard.uio.NativeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Commands of the NVM command set (NVM Express 1.4, section 6): data goes between the medium and
 * the driver's memory without a copy in between. Within a DMA section; nothing allocates, but for
 * errors of the medium.
 */
final class IoCommands {
    private static final int BLOCKS_MASK = 0xffff;
    private static final int FORCE_UNIT_ACCESS = 1 << 30;
    private static final int DEALLOCATE = 1 << 25;
    private static final int ATTRIBUTE_DEALLOCATE = 1 << 2;
    private static final int MOST_RANGES = 256;

    private final Namespace[] namespaces;
    private final int transferBytes;
    private final Counters counters;
    private final DataPointer data = new DataPointer();
    private final MemorySegment ranges =
            Arena.ofAuto().allocate((long) MOST_RANGES * NvmeDescriptor.RANGE_BYTES, Long.BYTES);

    /** Whether a write is to stay when it is completed: the volatile write cache is off. */
    private boolean isWriteThrough;

    /** What is to be flushed before the command at hand is completed; null for nothing. */
    private Medium toFlush;

    private boolean isFlushOfAll;

    /** Where {@link #ranges} are to become zero before that; null for nothing. */
    private Namespace toZero;

    private int zeroRanges;
    private boolean isGivenBack;

    IoCommands(List<Namespace> namespaces, int transferBytes, Counters counters) {
        this.namespaces = namespaces.toArray(Namespace[]::new);
        this.transferBytes = transferBytes;
        this.counters = counters;
    }

    void writeThrough(boolean isOn) {
        isWriteThrough = isOn;
    }

    /** The namespace of a number from 1, or null. */
    Namespace namespace(int number) {
        return number > 0 && number <= namespaces.length ? namespaces[number - 1] : null;
    }

    /**
     * Executes a command.
     *
     * @return a status; if {@link #isRestDue}, the one of {@link #finish} counts, which is to be
     *     called outside of the DMA section
     */
    int execute(BusMaster bus, Command command) {
        toFlush = null;
        toZero = null;
        if (command.hasUnknownFlags()) {
            return NvmeStatus.INVALID_FIELD;
        }
        Namespace namespace = namespace(command.namespace());
        if (command.opcode() == NvmeDescriptor.IO_FLUSH) {
            return startFlush(command, namespace);
        }
        if (namespace == null) {
            return isKnown(command.opcode())
                    ? NvmeStatus.INVALID_NAMESPACE
                    : NvmeStatus.INVALID_OPCODE;
        }
        try {
            return switch (command.opcode()) {
                case NvmeDescriptor.IO_READ -> read(bus, command, namespace);
                case NvmeDescriptor.IO_WRITE -> write(bus, command, namespace);
                case NvmeDescriptor.IO_WRITE_ZEROES -> writeZeroes(command, namespace);
                case NvmeDescriptor.IO_DATASET_MANAGEMENT -> manage(bus, command, namespace);
                default -> NvmeStatus.INVALID_OPCODE;
            };
        } catch (NativeException failure) {
            data.pieces.clear();
            return command.opcode() == NvmeDescriptor.IO_READ
                    ? NvmeStatus.UNRECOVERED_READ
                    : NvmeStatus.WRITE_FAULT;
        }
    }

    private static boolean isKnown(int opcode) {
        return switch (opcode) {
            case NvmeDescriptor.IO_READ,
                    NvmeDescriptor.IO_WRITE,
                    NvmeDescriptor.IO_WRITE_ZEROES,
                    NvmeDescriptor.IO_DATASET_MANAGEMENT ->
                    true;
            default -> false;
        };
    }

    private int startFlush(Command command, Namespace namespace) {
        if (namespace == null && command.namespace() != NvmeDescriptor.EVERY_NAMESPACE) {
            return NvmeStatus.INVALID_NAMESPACE;
        }
        counters.add(NvmeCounters.FLUSHES, 1);
        toFlush = namespace == null ? namespaces[0].medium() : namespace.medium();
        isFlushOfAll = namespace == null;
        return NvmeStatus.OK;
    }

    /** Whether the command at hand has a rest that may take long. */
    boolean isRestDue() {
        return toFlush != null || toZero != null;
    }

    /** Does the rest, outside of DMA sections, as it may take long; a status. */
    int finish() {
        try {
            if (toZero != null) {
                zero();
            }
            if (isFlushOfAll) {
                for (Namespace namespace : namespaces) {
                    namespace.medium().flush();
                }
            } else if (toFlush != null) {
                toFlush.flush();
            }
            return NvmeStatus.OK;
        } catch (NativeException failure) {
            return NvmeStatus.WRITE_FAULT;
        } finally {
            toZero = null;
            toFlush = null;
            isFlushOfAll = false;
        }
    }

    private void zero() {
        for (int range = 0; range < zeroRanges; range++) {
            long at = (long) range * NvmeDescriptor.RANGE_BYTES;
            if (blocks(at) > 0) {
                toZero.medium()
                        .zero(
                                first(at) << toZero.blockShift(),
                                blocks(at) << toZero.blockShift(),
                                isGivenBack);
            }
        }
        counters.add(NvmeCounters.ZEROES, 1);
    }

    private int check(Namespace namespace, long first, long blocks) {
        if (!namespace.holds(first, blocks)) {
            return NvmeStatus.LBA_OUT_OF_RANGE;
        }
        return blocks << namespace.blockShift() > transferBytes
                ? NvmeStatus.INVALID_FIELD
                : NvmeStatus.OK;
    }

    private int read(BusMaster bus, Command command, Namespace namespace) {
        long blocks = (command.word12() & BLOCKS_MASK) + 1L;
        int status = check(namespace, command.words10, blocks);
        if (status != NvmeStatus.OK) {
            return status;
        }
        long length = blocks << namespace.blockShift();
        status = data.find(bus, command, length, Access.WRITE);
        if (status != NvmeStatus.OK) {
            return status;
        }
        long position = command.words10 << namespace.blockShift();
        Medium medium = namespace.medium();
        boolean isRead =
                data.isOnePiece()
                        ? medium.read(data.memory, data.offset, length, position)
                        : medium.read(data.pieces, position);
        if (!isRead) {
            return NvmeStatus.UNRECOVERED_READ;
        }
        counters.add(NvmeCounters.READS, 1);
        counters.add(NvmeCounters.READ_BYTES, length);
        return NvmeStatus.OK;
    }

    private int write(BusMaster bus, Command command, Namespace namespace) {
        long blocks = (command.word12() & BLOCKS_MASK) + 1L;
        int status = check(namespace, command.words10, blocks);
        Medium medium = namespace.medium();
        if (status != NvmeStatus.OK || medium.isReadOnly()) {
            return status != NvmeStatus.OK ? status : NvmeStatus.WRITE_PROTECTED;
        }
        long length = blocks << namespace.blockShift();
        status = data.find(bus, command, length, Access.READ);
        if (status != NvmeStatus.OK) {
            return status;
        }
        long position = command.words10 << namespace.blockShift();
        if (data.isOnePiece()) {
            medium.write(data.memory, data.offset, length, position);
        } else {
            medium.write(data.pieces, position);
        }
        written(medium, command);
        counters.add(NvmeCounters.WRITES, 1);
        counters.add(NvmeCounters.WRITTEN_BYTES, length);
        return NvmeStatus.OK;
    }

    private void written(Medium medium, Command command) {
        if (isWriteThrough || (command.word12() & FORCE_UNIT_ACCESS) != 0) {
            toFlush = medium;
        }
    }

    private int writeZeroes(Command command, Namespace namespace) {
        long blocks = (command.word12() & BLOCKS_MASK) + 1L;
        if (!namespace.holds(command.words10, blocks)) {
            return NvmeStatus.LBA_OUT_OF_RANGE;
        }
        if (namespace.medium().isReadOnly()) {
            return NvmeStatus.WRITE_PROTECTED;
        }
        ranges.set(NvmeDescriptor.U32, Integer.BYTES, (int) blocks);
        ranges.set(NvmeDescriptor.U64, Long.BYTES, command.words10);
        zeroLater(namespace, 1, (command.word12() & DEALLOCATE) != 0);
        written(namespace.medium(), command);
        return NvmeStatus.OK;
    }

    private void zeroLater(Namespace namespace, int count, boolean givesBack) {
        toZero = namespace;
        zeroRanges = count;
        isGivenBack = givesBack;
    }

    /** Ranges that the driver needs no more; other advice is taken, and nothing done. */
    private int manage(BusMaster bus, Command command, Namespace namespace) {
        int count = (command.word10() & 0xff) + 1;
        long length = (long) count * NvmeDescriptor.RANGE_BYTES;
        int status = data.find(bus, command, length, Access.READ);
        if (status != NvmeStatus.OK) {
            return status;
        }
        // A copy: what is checked is what is done.
        data.take(ranges, length);
        for (int range = 0; range < count; range++) {
            long at = (long) range * NvmeDescriptor.RANGE_BYTES;
            if (!namespace.holds(first(at), blocks(at))) {
                return NvmeStatus.LBA_OUT_OF_RANGE;
            }
        }
        if ((command.word11() & ATTRIBUTE_DEALLOCATE) == 0) {
            return NvmeStatus.OK;
        }
        if (namespace.medium().isReadOnly()) {
            return NvmeStatus.WRITE_PROTECTED;
        }
        zeroLater(namespace, count, true);
        return NvmeStatus.OK;
    }

    private long first(long range) {
        return ranges.get(NvmeDescriptor.U64, range + Long.BYTES);
    }

    private long blocks(long range) {
        return Integer.toUnsignedLong(ranges.get(NvmeDescriptor.U32, range + Integer.BYTES));
    }
}
