package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.Waits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Requests of a client and their replies, and what a server asks the client meanwhile. Any thread
 * asks; a daemon thread of its own receives.
 */
final class ClientChannel implements AutoCloseable {
    private static final int ENOENT = 2;
    private static final int EFAULT = 14;
    private static final int EINVAL = 22;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final String name;
    private final long timeoutNanos;
    private final Wire wire;
    private final Thread receiver;
    private final Map<Integer, Pending> pending = new HashMap<>();
    private final TreeMap<Long, Window> windows = new TreeMap<>();
    private int nextId;
    private volatile RuntimeException gone;
    private volatile boolean closed;
    private Runnable onGone = () -> {};

    /** A request that waits for its reply. */
    static final class Pending {
        final int command;
        byte[] reply;
        List<Descriptor> descriptors = List.of();
        int error;
        boolean isDone;

        Pending(int command) {
            this.command = command;
        }
    }

    /** What the server may read and write by message. */
    private record Window(long address, MemorySegment memory, int access) {}

    /** Takes ownership of the socket, and begins to receive. */
    ClientChannel(String name, UnixSocket socket, long timeoutNanos) {
        this.name = name;
        this.timeoutNanos = timeoutNanos;
        socket.sendTimeout(timeoutNanos);
        wire = new Wire(socket);
        receiver = Thread.ofPlatform().daemon().name("vfio-user").start(this::receive);
    }

    /** Lets the server reach memory by message, for what {@code access} says. */
    void addWindow(long address, MemorySegment memory, int access) {
        synchronized (windows) {
            windows.put(address, new Window(address, memory, access));
        }
    }

    void removeWindow(long address) {
        synchronized (windows) {
            windows.remove(address);
        }
    }

    /**
     * Sends a request and waits for its reply.
     *
     * @throws VfioUserException with the peer's error number if it refuses
     * @throws PeerTimeoutException if it does not answer in time
     * @throws PeerGoneException if it has gone
     */
    Pending exchange(int command, int length, Wire.Payload payload, Descriptor... passed) {
        Pending mine = new Pending(command);
        int id;
        synchronized (pending) {
            requireHere();
            do {
                id = nextId++ & 0xffff;
            } while (pending.containsKey(id));
            pending.put(id, mine);
        }
        try {
            wire.send(id, command, VfioUserDescriptor.TYPE_COMMAND, 0, length, payload, passed);
            await(mine);
        } catch (PeerGoneException end) {
            // Who sends may notice before who receives.
            lose(end);
            throw end;
        } finally {
            synchronized (pending) {
                pending.remove(id);
            }
        }
        if (mine.error != 0) {
            mine.descriptors.forEach(Descriptor::close);
            throw new VfioUserException(
                    "%s refuses %s: errno=%d"
                            .formatted(name, VfioUserDescriptor.name(command), mine.error),
                    mine.error);
        }
        return mine;
    }

    private void await(Pending mine) {
        long deadline = System.nanoTime() + timeoutNanos;
        boolean interrupted = false;
        synchronized (pending) {
            while (!mine.isDone) {
                requireHere();
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    throw new PeerTimeoutException(
                            "%s does not answer %s within %d ms"
                                    .formatted(
                                            name,
                                            VfioUserDescriptor.name(mine.command),
                                            TimeUnit.NANOSECONDS.toMillis(timeoutNanos)));
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(pending, left);
                } catch (InterruptedException wakened) {
                    // The wait is bounded, and a register that was half read is none.
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void requireHere() {
        if (closed) {
            throw new IllegalStateException(name + " is closed");
        }
        if (gone != null) {
            throw new PeerGoneException("%s is gone: %s".formatted(name, gone.getMessage()));
        }
    }

    private void receive() {
        try {
            while (!closed) {
                if (!wire.receive()) {
                    wire.socket().awaitReadable(LOOK_NANOS);
                    continue;
                }
                int flags = wire.header(VfioUserDescriptor.FLAGS);
                if ((flags & VfioUserDescriptor.TYPE_MASK) == VfioUserDescriptor.TYPE_REPLY) {
                    finish(flags);
                } else {
                    serve(flags);
                }
                wire.next();
            }
        } catch (RuntimeException end) {
            lose(end);
        }
    }

    private void finish(int flags) {
        boolean isError = (flags & VfioUserDescriptor.FLAG_ERROR) != 0;
        int error = wire.header(VfioUserDescriptor.ERROR);
        byte[] reply = wire.payload().toArray(ValueLayout.JAVA_BYTE);
        synchronized (pending) {
            Pending asked = pending.get(wire.id());
            if (asked == null || asked.isDone || asked.command != wire.command()) {
                throw new VfioUserException(
                        "a reply to %s with id=%d, which nobody asked"
                                .formatted(VfioUserDescriptor.name(wire.command()), wire.id()));
            }
            asked.reply = reply;
            asked.descriptors = wire.takeDescriptors();
            asked.error = isError ? Math.max(1, error) : 0;
            asked.isDone = true;
            pending.notifyAll();
        }
    }

    /** A server that cannot map our memory asks us. */
    private void serve(int flags) {
        int command = wire.command();
        int id = wire.id();
        MemorySegment payload = wire.payload();
        boolean isRead = command == VfioUserDescriptor.DMA_READ;
        boolean wantsReply = (flags & VfioUserDescriptor.FLAG_NO_REPLY) == 0;
        if (!isRead && command != VfioUserDescriptor.DMA_WRITE) {
            reply(id, command, ENOENT, 0, Wire.NONE, wantsReply);
            return;
        }
        long most = VfioUserDescriptor.MOST_DATA_BYTES;
        if (payload.byteSize() < VfioUserDescriptor.ACCESS_BYTES) {
            reply(id, command, EINVAL, 0, Wire.NONE, wantsReply);
            return;
        }
        long address = payload.get(VfioUserDescriptor.U64, 0);
        long count = payload.get(VfioUserDescriptor.U64, 8);
        boolean isSized =
                count > 0
                        && count <= most
                        && (isRead
                                || payload.byteSize() == VfioUserDescriptor.ACCESS_BYTES + count);
        MemorySegment memory = isSized ? find(address, count, !isRead) : null;
        if (memory == null) {
            reply(id, command, isSized ? EFAULT : EINVAL, 0, Wire.NONE, wantsReply);
            return;
        }
        if (!isRead) {
            memory.copyFrom(payload.asSlice(VfioUserDescriptor.ACCESS_BYTES, count));
        }
        int length = VfioUserDescriptor.ACCESS_BYTES + (isRead ? (int) count : 0);
        reply(
                id,
                command,
                0,
                length,
                into -> {
                    into.set(VfioUserDescriptor.U64, 0, address);
                    into.set(VfioUserDescriptor.U64, 8, count);
                    if (isRead) {
                        into.asSlice(VfioUserDescriptor.ACCESS_BYTES).copyFrom(memory);
                    }
                },
                wantsReply);
    }

    private void reply(
            int id, int command, int error, int length, Wire.Payload payload, boolean isWanted) {
        if (isWanted) {
            int flags =
                    VfioUserDescriptor.TYPE_REPLY
                            | (error == 0 ? 0 : VfioUserDescriptor.FLAG_ERROR);
            wire.send(id, command, flags, error, length, payload);
        }
    }

    private MemorySegment find(long address, long count, boolean isWrite) {
        synchronized (windows) {
            Map.Entry<Long, Window> below = windows.floorEntry(address);
            if (below == null) {
                return null;
            }
            Window window = below.getValue();
            long offset = address - window.address();
            int wanted =
                    isWrite ? VfioUserDescriptor.MAP_WRITABLE : VfioUserDescriptor.MAP_READABLE;
            boolean isInside = offset <= window.memory().byteSize() - count;
            return isInside && (window.access() & wanted) != 0
                    ? window.memory().asSlice(offset, count)
                    : null;
        }
    }

    /** The peer broke the protocol: nothing more is asked of it. */
    RuntimeException fail(RuntimeException why) {
        lose(why);
        return why;
    }

    private void lose(RuntimeException why) {
        Runnable told;
        synchronized (pending) {
            if (gone != null) {
                return;
            }
            gone = why;
            pending.notifyAll();
            told = onGone;
        }
        if (!closed) {
            told.run();
        }
    }

    /** Runs when the server goes, on the receiving thread; at once if it has. */
    void onGone(Runnable listener) {
        synchronized (pending) {
            if (gone == null) {
                onGone = listener;
                return;
            }
        }
        listener.run();
    }

    boolean isGone() {
        return gone != null;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        synchronized (pending) {
            pending.notifyAll();
        }
        Waits.forEnd(receiver);
        wire.close();
    }
}
