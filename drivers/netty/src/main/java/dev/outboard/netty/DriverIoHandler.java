package dev.outboard.netty;

import dev.outboard.driver.net.IdleWait;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import io.netty.buffer.ByteBuf;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The heart of an event loop: owns one pair of queues, and all that its channels share. The loop's
 * thread, but for {@link #wakeup}.
 *
 * <pre>
 *   run:  poll ──► datagrams to channels ──► read complete ──► room for writers ──► flush
 *           │ nothing, and no task waits
 *           └──► spin, then sleep: interrupt, task, or timer ──► run
 * </pre>
 *
 * <p>What the handlers of a batch write is handed to the device by one flush.
 */
final class DriverIoHandler implements IoHandler {
    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;
    private static final int WOKEN = 2;
    private static final int MOST_DESTINATIONS = 4096;
    private static final long ROOM_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final DriverInterface network;
    private final ThreadAwareExecutor executor;
    private final ReceiveQueue receive;
    private final FrameOutput output;
    private final FrameInput input;
    private final NeighbourProtocol protocol;
    private final NeighbourWriter neighbours;
    private final KeptBuffers buffers;
    private final DatagramDelivery delivery;
    private final IdleWait idle;
    private final IdleWait idleForRoom;
    private final Map<InetAddress, Destination> destinations = new HashMap<>();
    private final List<DriverDatagramChannel> channels = new ArrayList<>();
    private final List<DriverDatagramChannel> touched = new ArrayList<>();
    private final List<DriverDatagramChannel> waiting = new ArrayList<>();

    /** Whether somebody has to wake the loop's thread. */
    private final AtomicInteger sleep = new AtomicInteger(AWAKE);

    private boolean hasBegun;
    private long rounds;
    private long roundOfNanos = -1;
    private long nanos;

    DriverIoHandler(DriverInterface network, int pair, ThreadAwareExecutor executor) {
        this.network = network;
        this.executor = executor;
        var service = network.service();
        var allocator = network.allocator();
        receive = service.receiveQueue(pair);
        int tokens = allocator.slots() + receive.buffers();
        output = new FrameOutput(service, pair, tokens, network.gathers(pair), network.route());
        protocol =
                new NeighbourProtocol(
                        output, network.route(), network.neighbours(), network.counters());
        neighbours = new NeighbourWriter(this, protocol, network.counters());
        var echoes = new EchoResponder(output, network.route(), network.counters());
        int frameBytes = network.frameBytes();
        buffers = new KeptBuffers(allocator, receive, output, allocator.slots(), frameBytes);
        delivery =
                new DatagramDelivery(this, allocator, buffers, network.ports(), network.counters());
        input =
                new FrameInput(
                        receive, network.route(), protocol, echoes, delivery, network.counters());
        idle = new IdleWait(network.waitPolicy());
        idleForRoom = new IdleWait(network.waitPolicy());
        watch(service.transmitQueue(pair));
    }

    private void watch(TransmitQueue transmit) {
        try {
            idle.watch(receive);
            idleForRoom.watch(receive);
            idleForRoom.watch(transmit);
        } catch (RuntimeException failed) {
            idle.close();
            idleForRoom.close();
            throw failed;
        }
    }

    Route route() {
        return network.route();
    }

    DriverInterface network() {
        return network;
    }

    FrameOutput output() {
        return output;
    }

    DatagramDelivery delivery() {
        return delivery;
    }

    KeptBuffers buffers() {
        return buffers;
    }

    boolean isCurrent() {
        return executor.isExecutorThread(Thread.currentThread());
    }

    @Override
    public int run(IoHandlerContext context) {
        if (!hasBegun) {
            hasBegun = true;
            network.joined(this);
            protocol.announce();
        }
        int frames = work();
        if (frames > 0) {
            idle.found();
            idleForRoom.found();
        } else if (context.canBlock()) {
            rest(context);
            frames = work();
        }
        return frames;
    }

    /** One look at everything. */
    private int work() {
        rounds++;
        int frames = input.poll();
        complete();
        resume();
        output.flush();
        buffers.drain();
        return frames;
    }

    /** Tells channels that what they were handed was all. */
    private void complete() {
        for (int i = 0; i < touched.size(); i++) {
            touched.get(i).completed();
        }
        touched.clear();
    }

    /** A channel was handed something in this round. */
    void touched(DriverDatagramChannel channel) {
        if (!channel.isTouched()) {
            touched.add(channel);
        }
    }

    /** Lets channels write on that found the queue full. */
    private void resume() {
        int count = waiting.size();
        if (count == 0) {
            return;
        }
        output.reclaim();
        for (int i = 0; i < count; i++) {
            var channel = waiting.getFirst();
            waiting.removeFirst();
            channel.resume();
            if (waiting.contains(channel)) {
                // Full again: those behind it come first the next time.
                break;
            }
        }
    }

    /** The queue is full: this channel writes on when there is room. */
    void awaitRoom(DriverDatagramChannel channel) {
        if (!waiting.contains(channel)) {
            waiting.add(channel);
        }
    }

    /** Looks a while, then sleeps until a frame, room, a task or a timer. */
    private void rest(IoHandlerContext context) {
        boolean wantsRoom = !waiting.isEmpty() || !output.isFlushed();
        if (output.isInFlight()) {
            output.reclaim();
        }
        long delayNanos = context.delayNanos(System.nanoTime());
        long timeoutNanos = wantsRoom ? Math.min(delayNanos, ROOM_NANOS) : delayNanos;
        if (sleep.compareAndSet(AWAKE, ASLEEP)) {
            try {
                (wantsRoom ? idleForRoom : idle).idle(timeoutNanos);
            } finally {
                sleep.set(AWAKE);
            }
        } else {
            sleep.set(AWAKE);
        }
    }

    @Override
    public void wakeup() {
        if (!isCurrent() && sleep.getAndSet(WOKEN) == ASLEEP) {
            receive.wake();
        }
    }

    /**
     * Where datagrams for a host go.
     *
     * @throws NoRouteToHostException where there is no way
     */
    Destination destination(InetAddress host) throws NoRouteToHostException {
        var known = destinations.get(host);
        if (known != null) {
            return known;
        }
        if (destinations.size() >= MOST_DESTINATIONS) {
            destinations.clear();
        }
        var address = Address.of(host);
        var source = network.route().ownFor(address);
        long manyMac = network.route().manyMac(address);
        boolean isOwn = network.route().isOwn(address);
        if (source == null) {
            throw new NoRouteToHostException(
                    "this interface has no IPv4 address: give it one with ip=, to reach "
                            + host.getHostAddress());
        }
        var neighbour =
                manyMac >= 0 || isOwn
                        ? null
                        : network.neighbours().at(network.route().hop(address, host));
        var found = new Destination(address, source, manyMac, isOwn, neighbour);
        destinations.put(host, found);
        return found;
    }

    NeighbourWriter neighbours() {
        return neighbours;
    }

    /** About now: one look at the clock for each round. */
    long nanos() {
        if (rounds != roundOfNanos) {
            roundOfNanos = rounds;
            nanos = System.nanoTime();
        }
        return nanos;
    }

    /**
     * Hands a datagram for this interface itself to the channels of its port.
     *
     * @return true: there is always room, and what nobody wants is dropped
     */
    boolean loopBack(ByteBuf content, Destination to, int fromPort, int port) {
        delivery.loopBack(content, to.address(), fromPort, port);
        return true;
    }

    @Override
    public IoRegistration register(IoHandle handle) {
        var channel = ((DriverDatagramChannel.Handle) handle).channel();
        channels.add(channel);
        handle.registered();
        return new Registration(handle, channel);
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> type) {
        return DriverDatagramChannel.Handle.class.isAssignableFrom(type);
    }

    @Override
    public void prepareToDestroy() {
        for (var channel : List.copyOf(channels)) {
            channel.unsafe().close(channel.unsafe().voidPromise());
        }
    }

    /** Sends what is left, and waits for a while until the device has read it. */
    @Override
    public void destroy() {
        try {
            // A loop that is told to end between two looks comes here straight away, and then takes
            // no more tasks: nobody hears of the end of these.
            List.copyOf(channels).forEach(channel -> channel.unsafe().closeForcibly());
            long start = System.nanoTime();
            do {
                output.flush();
                output.reclaim();
                buffers.drain();
            } while (output.isInFlight() && System.nanoTime() - start < DRAIN_NANOS);
        } catch (RuntimeException lost) {
            // The device went away, and with it what it was to read.
        } finally {
            network.left(this, output.isInFlight());
            idle.close();
            idleForRoom.close();
        }
    }

    /** A channel on this loop. */
    private final class Registration implements IoRegistration {
        private final AtomicBoolean isCancelled = new AtomicBoolean();
        private final IoHandle handle;
        private final DriverDatagramChannel channel;

        Registration(IoHandle handle, DriverDatagramChannel channel) {
            this.handle = handle;
            this.channel = channel;
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T attachment() {
            return (T) DriverIoHandler.this;
        }

        @Override
        public long submit(io.netty.channel.IoOps ops) {
            throw new UnsupportedOperationException("a channel here has nothing to be asked for");
        }

        @Override
        public boolean isValid() {
            return !isCancelled.get();
        }

        @Override
        public boolean cancel() {
            if (!isCancelled.compareAndSet(false, true)) {
                return false;
            }
            if (isCurrent()) {
                remove();
            } else {
                executor.execute(this::remove);
            }
            return true;
        }

        private void remove() {
            channels.remove(channel);
            waiting.remove(channel);
            handle.unregistered();
        }
    }
}
