package dev.outboard.kernel;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.IdleWait;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.Resources;
import dev.outboard.uio.net.TapQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A pair of the driver's queues and a queue of the interface, joined. Owned by the one thread that
 * {@link #run}s it; {@link #counts} may be looked at by any.
 *
 * <p>While there is room for what the kernel sends, the thread waits for the kernel and for
 * received frames; while there is none, for room and for received frames, and the kernel's frames
 * wait where they are.
 */
final class TapPair implements Joint {
    /** So often a thread that sleeps looks whether it shall end. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private static final int BATCH = 64;

    private final TapQueue tap;
    private final ReceiveQueue receive;
    private final TransmitQueue transmit;
    private final ClientContext context;
    private final boolean cutsSegments;
    private final Counts counts = new Counts();

    /**
     * @param offloads what the kernel leaves to the device: {@link FrameOffload}
     */
    TapPair(TapQueue tap, NetworkService network, int pair, ClientContext context, int offloads) {
        this.tap = tap;
        this.context = context;
        receive = network.receiveQueue(pair);
        transmit = network.transmitQueue(pair);
        cutsSegments = (offloads & (FrameOffload.SEGMENTS_IPV4 | FrameOffload.SEGMENTS_IPV6)) != 0;
    }

    @Override
    public Counts counts() {
        return counts;
    }

    @Override
    public void run(BooleanSupplier isStopping) {
        Resources resources = new Resources();
        try {
            FrameSource source = resources.add(source());
            TapWriter writer = new TapWriter(tap, counts);
            var waiting = context.device().waiting();
            IdleWait idle = resources.add(new IdleWait(waiting));
            idle.watch(receive);
            idle.watch(tap.descriptor(), Epoll.READABLE);
            IdleWait full = resources.add(new IdleWait(waiting));
            full.watch(receive);
            full.watch(transmit);
            join(source, writer, idle, full, isStopping);
            drain();
        } catch (RuntimeException failed) {
            resources.closeAfter(failed);
            throw failed;
        }
        resources.close();
    }

    private FrameSource source() {
        return cutsSegments
                ? new SlotSource(tap, transmit, counts, context::allocate)
                : new BufferSource(tap, transmit, counts);
    }

    private void join(
            FrameSource source,
            TapWriter writer,
            IdleWait idle,
            IdleWait full,
            BooleanSupplier isStopping) {
        while (!isStopping.getAsBoolean()) {
            int moved = receive.pollFrames(writer, BATCH) + source.move();
            if (moved > 0) {
                idle.found();
                full.found();
            } else {
                (source.isFull() ? full : idle).idle(LOOK_NANOS);
                counts.set(Counts.Kind.SLEEPS, idle.sleeps() + full.sleeps());
            }
        }
    }

    /** What the device still has of ours comes back, or the device is stuck: its own end tells. */
    private void drain() {
        long deadline = System.nanoTime() + LOOK_NANOS;
        while (transmit.pending() > 0 && System.nanoTime() < deadline) {
            transmit.flush();
            transmit.await(LOOK_NANOS);
        }
    }
}
