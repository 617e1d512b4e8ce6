package dev.outboard.uio.vfiouser;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.Waits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A function for tests, served by a thread of its own: some registers by message, a doorbell page
 * that is mapped at an offset, 8-byte-only registers, and a copier.
 */
final class ToyFunction implements VfioUserDevice, AutoCloseable {
    static final long BAR_BYTES = 0x4000;
    static final long DOORBELLS = 0x2000;
    static final long DOORBELL_BYTES = 0x1000;
    static final long WIDE = 0x100;
    static final long SOURCE = 0x200;
    static final long TARGET = 0x208;
    static final long LENGTH = 0x210;
    static final long GO = 0x218;
    static final long RESULT = 0x220;

    final MemoryFile doorbells = MemoryFile.create("toy", BAR_BYTES);
    final Mapping doorbellMemory = doorbells.map(0, BAR_BYTES, true);
    final long[] registers = new long[(int) (BAR_BYTES / Long.BYTES)];
    final byte[] configuration = new byte[256];
    final List<String> ends = new ArrayList<>();
    private final boolean isShared;
    private final int vectors;
    private final UnixServer server;
    private final Thread thread;
    private volatile boolean closed;
    private EventDescriptor[] events = {};
    private VfioUserSession session;
    volatile int resets;

    ToyFunction(Path socket, boolean isShared, int vectors) {
        this.isShared = isShared;
        this.vectors = vectors;
        configuration[0] = 0x34;
        configuration[1] = 0x12;
        configuration[2] = (byte) 0xe8;
        configuration[3] = 0x11;
        server = UnixServer.listen(socket, UnixSocket.Kind.STREAM);
        thread = Thread.ofPlatform().start(this::serve);
    }

    private void serve() {
        while (!closed) {
            if (session == null) {
                UnixSocket client = server.accept();
                if (client == null) {
                    Thread.onSpinWait();
                    continue;
                }
                session = new VfioUserSession(client, this, 2_000_000_000L);
            }
            try {
                session.receive();
                Thread.yield();
            } catch (PeerGoneException | VfioUserException end) {
                synchronized (ends) {
                    ends.add(end.getMessage());
                }
                session.close();
                session = null;
            }
        }
        if (session != null) {
            session.close();
        }
    }

    @Override
    public long regionBytes(int region) {
        return switch (region) {
            case 0 -> BAR_BYTES;
            case CONFIGURATION -> configuration.length;
            default -> 0;
        };
    }

    @Override
    public Shared shared(int region) {
        return isShared && region == 0
                ? new Shared(
                        doorbells.descriptor(), 0, List.of(new Area(DOORBELLS, DOORBELL_BYTES)))
                : null;
    }

    @Override
    public int vectors(int kind) {
        return kind == MSIX ? vectors : 0;
    }

    @Override
    public long read(int region, long offset, int bytes) {
        if (region == CONFIGURATION) {
            long value = 0;
            for (int at = 0; at < bytes; at++) {
                value |= (configuration[(int) offset + at] & 0xffL) << at * 8;
            }
            return value;
        }
        if (offset == WIDE && bytes != 8) {
            throw new IllegalArgumentException("eight bytes only");
        }
        long shift = offset % 8 * 8;
        return registers[(int) offset / 8] >>> shift;
    }

    @Override
    public void write(int region, long offset, int bytes, long value) {
        if (region == CONFIGURATION) {
            for (int at = 0; at < bytes; at++) {
                configuration[(int) offset + at] = (byte) (value >>> at * 8);
            }
            return;
        }
        if (offset == WIDE && bytes != 8) {
            throw new IllegalArgumentException("eight bytes only");
        }
        long shift = offset % 8 * 8;
        long mask = bytes == 8 ? -1 : (1L << bytes * 8) - 1 << shift;
        int index = (int) offset / 8;
        registers[index] = registers[index] & ~mask | value << shift & mask;
        if (offset == GO) {
            copy();
        }
    }

    private void copy() {
        var bytes = MemorySegment.ofArray(new byte[(int) registers[(int) LENGTH / 8]]);
        boolean isDone =
                session.readMemory(registers[(int) SOURCE / 8], bytes)
                        && session.writeMemory(registers[(int) TARGET / 8], bytes);
        registers[(int) RESULT / 8] = isDone ? 1 : 2;
        int vector = (int) registers[(int) GO / 8];
        if (vector < events.length && events[vector] != null) {
            events[vector].signal();
        }
    }

    @Override
    public void signal(int kind, EventDescriptor[] now) {
        events = now;
    }

    @Override
    public void reset() {
        resets++;
        Arrays.fill(registers, 0);
    }

    int doorbell(int number) {
        return doorbellMemory.memory().get(ValueLayout.JAVA_INT, DOORBELLS + 4L * number);
    }

    @Override
    public void close() {
        closed = true;
        Waits.forEnd(thread);
        server.close();
        doorbellMemory.close();
        doorbells.close();
    }
}
