package dev.outboard.models;

import dev.outboard.models.shape.NvmeShape;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vfiouser.VfioUserClient;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A driver of an NVMe controller in the test's own hands, byte by byte: honest or lying. Memory is
 * one file, at {@link #IOVA}.
 */
final class NvmeBench implements AutoCloseable {
    static final long IOVA = 0x4000_0000L;
    static final int MEMORY_BYTES = 8 << 20;
    static final int PAGE = 4096;
    static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);
    static final int ADMIN_ENTRIES = 16;
    static final int ENTRIES = 64;

    /** Places in the memory. */
    static final int ADMIN_SUBMISSIONS = 0;

    static final int ADMIN_COMPLETIONS = PAGE;
    static final int SUBMISSIONS = 2 * PAGE;
    static final int COMPLETIONS = 4 * PAGE;
    static final int SHADOWS = 6 * PAGE;
    static final int EVENTS = 7 * PAGE;
    static final int DATA = 16 * PAGE;

    private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

    final VfioUserClient client;
    final Registers registers;
    final MemorySegment memory;
    final MemoryFile file;
    private final Resources resources = new Resources();
    private final Ring admin = new Ring(0, ADMIN_SUBMISSIONS, ADMIN_COMPLETIONS, ADMIN_ENTRIES);
    private final Ring io = new Ring(1, SUBMISSIONS, COMPLETIONS, ENTRIES);
    List<EventDescriptor> events = List.of();

    /** A completion. */
    record Completion(int result, int head, int queue, int id, int status) {}

    private static final class Ring {
        final int id;
        final int submissions;
        final int completions;
        final int entries;
        int tail;
        int head;
        int phase = 1;
        int nextId;

        Ring(int id, int submissions, int completions, int entries) {
            this.id = id;
            this.submissions = submissions;
            this.completions = completions;
            this.entries = entries;
        }

        void reset() {
            tail = 0;
            head = 0;
            phase = 1;
        }
    }

    NvmeBench(Path socket, boolean isByFile) {
        client = resources.add(VfioUserClient.connect(socket, TIMEOUT_NANOS));
        file = resources.add(MemoryFile.create("bench", MEMORY_BYTES));
        file.sealSize();
        Mapping mapping = resources.add(file.map(0, MEMORY_BYTES, true));
        memory = mapping.memory();
        client.map(IOVA, memory, isByFile ? file.descriptor() : null, 0, 3);
        registers = client.region(0);
        client.allowDma(true);
    }

    static NvmeOptions options(Path socket, NvmeShape shape) {
        return new NvmeOptions(
                socket,
                "nv",
                null,
                List.of(new NvmeOptions.Disk(null, 4 << 20, 512, false)),
                shape,
                WaitPolicy.DEFAULT);
    }

    static NvmeShape shape() {
        return new NvmeShape(4, 256, 5, 8, NvmeShape.Doorbells.MAPPED, 0);
    }

    static NvmeShape shape(NvmeShape.Doorbells doorbells, long latencyNanos) {
        return new NvmeShape(4, 256, 5, 8, doorbells, latencyNanos);
    }

    /** Signals vectors 0 to 4. */
    void listen() {
        List<EventDescriptor> made = new ArrayList<>();
        for (int vector = 0; vector < client.maximumVectors(); vector++) {
            made.add(resources.add(EventDescriptor.create()));
        }
        client.signal(made);
        events = made;
    }

    void enable() {
        registers.putInt(0x14, 0);
        memory.asSlice(0, DATA).fill((byte) 0);
        admin.reset();
        io.reset();
        registers.putInt(0x24, ADMIN_ENTRIES - 1 << 16 | ADMIN_ENTRIES - 1);
        registers.putLong(0x28, IOVA + ADMIN_SUBMISSIONS);
        registers.putLong(0x30, IOVA + ADMIN_COMPLETIONS);
        registers.putInt(0x14, 6 << 16 | 4 << 20 | 1);
    }

    /** The admin queue and one I/O queue, on vector 1. */
    NvmeBench start() {
        enable();
        require(admin(0x05, 0, IOVA + COMPLETIONS, 0, 1 | ENTRIES - 1 << 16, 1 << 16 | 3));
        require(admin(0x01, 0, IOVA + SUBMISSIONS, 0, 1 | ENTRIES - 1 << 16, 1 << 16 | 1));
        return this;
    }

    static void require(Completion completion) {
        if (completion.status != 0) {
            throw new AssertionError("refused: " + completion);
        }
    }

    private int submit(
            Ring ring,
            int opcode,
            int namespace,
            long first,
            long second,
            long words10,
            long words12) {
        long at = ring.submissions + (long) ring.tail * 64;
        int id = ring.nextId++ & 0xff;
        memory.asSlice(at, 64).fill((byte) 0);
        memory.set(ValueLayout.JAVA_INT, at, opcode | id << 16);
        memory.set(ValueLayout.JAVA_INT, at + 4, namespace);
        memory.set(ValueLayout.JAVA_LONG, at + 24, first);
        memory.set(ValueLayout.JAVA_LONG, at + 32, second);
        memory.set(ValueLayout.JAVA_LONG, at + 40, words10);
        memory.set(ValueLayout.JAVA_LONG, at + 48, words12);
        ring.tail = (ring.tail + 1) % ring.entries;
        return id;
    }

    /** Puts a command into the I/O ring, without a doorbell; its id. */
    int put(int opcode, int namespace, long first, long second, long block, long words12) {
        return submit(io, opcode, namespace, first, second, block, words12);
    }

    /** Any 64 bytes. */
    void putRaw(byte[] command) {
        MemorySegment.copy(
                command,
                0,
                memory,
                ValueLayout.JAVA_BYTE,
                io.submissions + (long) io.tail * 64,
                64);
        io.tail = (io.tail + 1) % io.entries;
    }

    int ioTail() {
        return io.tail;
    }

    void ring() {
        registers.putInt(0x1000 + 8L * io.id, io.tail);
    }

    /** The next completion of the I/O ring, or null if none comes in time. */
    Completion take(long timeoutNanos) {
        return take(io, timeoutNanos);
    }

    private Completion take(Ring ring, long timeoutNanos) {
        long at = ring.completions + (long) ring.head * 16;
        long deadline = System.nanoTime() + timeoutNanos;
        int last = (int) WORD.getAcquire(memory, at + 12);
        while ((last >>> 16 & 1) != ring.phase) {
            if (System.nanoTime() - deadline > 0) {
                return null;
            }
            LockSupport.parkNanos(20_000);
            last = (int) WORD.getAcquire(memory, at + 12);
        }
        ring.head++;
        if (ring.head == ring.entries) {
            ring.head = 0;
            ring.phase ^= 1;
        }
        int places = memory.get(ValueLayout.JAVA_INT, at + 8);
        registers.putInt(0x1000 + 8L * ring.id + 4, ring.head);
        return new Completion(
                memory.get(ValueLayout.JAVA_INT, at),
                places & 0xffff,
                places >>> 16,
                last & 0xffff,
                last >>> 17 & 0x7fff);
    }

    /** Sends an admin command without waiting. */
    int adminLater(int opcode, int namespace, long first, long second, int word10, int word11) {
        int id =
                submit(
                        admin,
                        opcode,
                        namespace,
                        first,
                        second,
                        word10 & 0xffff_ffffL | (long) word11 << 32,
                        0);
        registers.putInt(0x1000, admin.tail);
        return id;
    }

    Completion takeAdmin() {
        Completion taken = take(admin, TIMEOUT_NANOS);
        if (taken == null) {
            throw new AssertionError("no answer; status=0x%x".formatted(registers.getInt(0x1c)));
        }
        return taken;
    }

    Completion admin(int opcode, int namespace, long first, long second, int word10, int word11) {
        adminLater(opcode, namespace, first, second, word10, word11);
        return takeAdmin();
    }

    /** One I/O command and its completion. */
    Completion io(int opcode, int namespace, long first, long second, long block, long words12) {
        put(opcode, namespace, first, second, block, words12);
        ring();
        Completion taken = take(TIMEOUT_NANOS);
        if (taken == null) {
            throw new AssertionError("no answer; status=0x%x".formatted(registers.getInt(0x1c)));
        }
        return taken;
    }

    MemorySegment page(int offset) {
        return memory.asSlice(offset, PAGE);
    }

    @Override
    public void close() {
        resources.close();
    }
}
