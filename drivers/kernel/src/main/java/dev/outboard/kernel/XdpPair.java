package dev.outboard.kernel;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.IdleWait;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.Resources;
import dev.outboard.uio.net.KernelInterface;
import dev.outboard.uio.net.XdpProgram;
import dev.outboard.uio.net.XdpSocket;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A pair of the driver's queues and a queue of an interface, joined by AF_XDP. Made and closed by
 * the client's thread; owned by the one that {@link #run}s it.
 */
final class XdpPair implements Joint, AutoCloseable {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final int BATCH = 64;

    /** Entries of a ring, and chunks of a direction. */
    private static final int ENTRIES = 512;

    private final KernelInterface link;
    private final ReceiveQueue receive;
    private final TransmitQueue transmit;
    private final ClientContext context;
    private final Counts counts = new Counts();
    private final Resources resources = new Resources();
    private final DmaMemory memory;
    private final XdpSocket socket;
    private XdpChunks chunks;

    XdpPair(
            KernelInterface link,
            XdpProgram program,
            XdpOptions options,
            NetworkService network,
            int pair,
            ClientContext context) {
        this.link = link;
        this.context = context;
        receive = network.receiveQueue(pair);
        transmit = network.transmitQueue(pair);
        try {
            memory = context.allocate(2L * ENTRIES * XdpSocket.CHUNK_BYTES);
            resources.add(this::giveBack);
            int queue = options.queue() + pair;
            socket =
                    resources.add(
                            XdpSocket.open(
                                    new XdpSocket.Opening(
                                            link,
                                            queue,
                                            memory.memory(),
                                            ENTRIES,
                                            options.copy())));
            program.direct(queue, socket);
        } catch (RuntimeException failed) {
            resources.closeAfter(failed);
            throw failed;
        }
    }

    /** What a device has that was lost, or is stuck, stays out of use: it may still be mapped. */
    private void giveBack() {
        if (chunks == null || chunks.posted() == 0) {
            memory.close();
        }
    }

    @Override
    public Counts counts() {
        return counts;
    }

    boolean isZeroCopy() {
        return socket.isZeroCopy();
    }

    /** Frames that the kernel has dropped because this side was too slow. */
    long dropped() {
        return socket.dropped();
    }

    @Override
    public void run(BooleanSupplier isStopping) {
        Resources own = new Resources();
        try {
            chunks = new XdpChunks(socket, transmit, counts, memory, ENTRIES);
            XdpSender sender = new XdpSender(socket, receive, counts, memory, ENTRIES, ENTRIES);
            // Before the memory is given back.
            own.add(receive::withdraw);
            IdleWait idle = own.add(new IdleWait(context.device().waiting()));
            idle.watch(receive);
            idle.watch(socket.descriptor(), Epoll.READABLE);
            IdleWait full = own.add(new IdleWait(context.device().waiting()));
            full.watch(receive);
            full.watch(transmit);
            join(sender, idle, full, isStopping);
            drain();
        } catch (RuntimeException failed) {
            own.closeAfter(failed);
            throw failed;
        }
        own.close();
    }

    private void join(XdpSender sender, IdleWait idle, IdleWait full, BooleanSupplier isStopping) {
        while (!isStopping.getAsBoolean()) {
            int came = receive.pollFrames(sender, BATCH);
            if (came > 0) {
                sender.flush();
            }
            if (came + chunks.move() > 0) {
                idle.found();
                full.found();
            } else if ((chunks.isScarce() ? full : idle).idle(LOOK_NANOS)) {
                counts.set(Counts.Kind.SLEEPS, idle.sleeps() + full.sleeps());
                link.checkThere();
            }
        }
    }

    private void drain() {
        long deadline = System.nanoTime() + LOOK_NANOS;
        while (transmit.pending() > 0 && System.nanoTime() < deadline) {
            transmit.flush();
            transmit.await(LOOK_NANOS);
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
