package dev.outboard.host.vhost;

import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.vhost.BackEndRequests;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostBackEnd;
import dev.outboard.uio.vhost.VhostProtocolException;
import dev.outboard.uio.vhost.VhostSession;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The other end of a vhost-user connection, in this process: says what it was told, and behaves as
 * it is asked to. Its thread serves one connection after another.
 */
final class TestDevice implements VhostBackEnd, AutoCloseable {
    private static final int SERVER = 0;
    private static final int SESSION = 1;
    private static final int COMMAND = 2;

    final List<String> heard = new ArrayList<>();
    final List<MemoryRegion> regions = new ArrayList<>();
    private final EventDescriptor[] kicks;
    private final EventDescriptor[] calls;
    private final long features;
    private final long protocolFeatures;
    private final byte[] config;
    private final UnixServer server;
    private final Epoll epoll = Epoll.create();
    private final EventDescriptor command = EventDescriptor.create();
    private final BlockingQueue<Runnable> commands = new LinkedBlockingQueue<>();
    private final Thread thread;
    private VhostSession session;
    private boolean ended;
    private BackEndRequests requests;
    private volatile boolean refusesFeatures;
    private volatile boolean hangsUpOnAccept;
    private volatile boolean refusesMemory;
    private final CountDownLatch silence = new CountDownLatch(1);
    private volatile boolean silent;

    TestDevice(Path socket, long features, long protocolFeatures, byte[] config, int queues) {
        this.features = features;
        this.protocolFeatures = protocolFeatures;
        this.config = config;
        this.kicks = new EventDescriptor[queues];
        this.calls = new EventDescriptor[queues];
        server = UnixServer.listen(socket, UnixSocket.Kind.STREAM);
        epoll.add(server.descriptor(), Epoll.READABLE, SERVER);
        epoll.add(command.descriptor(), Epoll.READABLE, COMMAND);
        thread = Thread.ofPlatform().daemon().name("test-device").start(this::serve);
    }

    /** Refuses every choice of features. */
    TestDevice refusingFeatures() {
        refusesFeatures = true;
        return this;
    }

    /** Refuses every change of memory from now on, or not any more. */
    void refuseMemory(boolean refuses) {
        refusesMemory = refuses;
    }

    /** Closes every connection at once. */
    TestDevice hangingUpOnAccept() {
        hangsUpOnAccept = true;
        return this;
    }

    /** Answers to nothing until closed. */
    TestDevice silent() {
        silent = true;
        return this;
    }

    private void serve() {
        while (!ended) {
            epoll.await(-1, this::onReady);
        }
    }

    private void onReady(int token, int events) {
        switch (token) {
            case SERVER -> accept();
            case SESSION -> receive();
            default -> {
                command.drain();
                for (var next = commands.poll(); next != null; next = commands.poll()) {
                    next.run();
                }
            }
        }
    }

    private void accept() {
        var socket = server.accept();
        if (socket == null) {
            return;
        }
        if (hangsUpOnAccept) {
            socket.close();
            return;
        }
        session = new VhostSession(socket, this);
        epoll.add(session.descriptor(), Epoll.READABLE, SESSION);
    }

    private void receive() {
        if (silent) {
            try {
                silence.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        if (session != null && !session.onReadable()) {
            synchronized (heard) {
                heard.add("end: " + session.reason());
                heard.notifyAll();
            }
            release();
        }
    }

    private void release() {
        if (session != null) {
            session.close();
            session = null;
        }
        regions.forEach(region -> region.descriptor().close());
        regions.clear();
        if (requests != null) {
            requests.close();
            requests = null;
        }
        close(kicks);
        close(calls);
    }

    private static void close(EventDescriptor[] events) {
        for (var event : events) {
            if (event != null) {
                event.close();
            }
        }
        Arrays.fill(events, null);
    }

    private static void replace(EventDescriptor[] events, int queue, EventDescriptor event) {
        if (events[queue] != null) {
            events[queue].close();
        }
        events[queue] = event;
    }

    /** Runs something on the device's thread, and waits for it. */
    void run(Runnable work) {
        var done = new CountDownLatch(1);
        commands.add(
                () -> {
                    work.run();
                    done.countDown();
                });
        command.signal();
        try {
            done.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Closes the connection, as the death of the process does. */
    void die() {
        run(this::release);
    }

    void raise(int queue) {
        run(() -> calls[queue].signal());
    }

    /** Asks for a translation. */
    void miss(long iova, int access) {
        run(() -> requests.missed(iova, access));
    }

    /** Closes the channel on which it asks, and nothing else. */
    void askNoMore() {
        run(() -> requests.close());
    }

    /** Waits until it was told this. */
    void awaitHeard(String line) throws InterruptedException {
        synchronized (heard) {
            while (!heard.contains(line)) {
                heard.wait(10_000);
            }
        }
    }

    boolean wasKicked(int queue, long timeoutNanos) {
        return kicks[queue].await(timeoutNanos);
    }

    List<String> heard() {
        synchronized (heard) {
            return List.copyOf(heard);
        }
    }

    /** Waits until the driver has hung up. */
    void awaitEnd() throws InterruptedException {
        synchronized (heard) {
            while (heard.stream().noneMatch(line -> line.startsWith("end: "))) {
                heard.wait(10_000);
            }
        }
    }

    private void hear(String format, Object... values) {
        synchronized (heard) {
            heard.add(format.formatted(values));
            heard.notifyAll();
        }
    }

    @Override
    public void close() {
        silence.countDown();
        run(
                () -> {
                    ended = true;
                    release();
                });
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        epoll.close();
        command.close();
        server.close();
    }

    @Override
    public long features() {
        return features;
    }

    @Override
    public long protocolFeatures() {
        return protocolFeatures;
    }

    @Override
    public int queueCount() {
        return kicks.length;
    }

    @Override
    public void ownerSet() {
        hear("owner");
    }

    @Override
    public void featuresAccepted(long accepted) {
        if (refusesFeatures) {
            throw new VhostProtocolException("no");
        }
        hear("features 0x%x", accepted);
    }

    @Override
    public void memoryRegionAdded(MemoryRegion region) {
        if (refusesMemory) {
            region.descriptor().close();
            throw new VhostProtocolException("no");
        }
        regions.add(region);
        hear("added 0x%x+0x%x", region.guestAddress(), region.lengthBytes());
    }

    @Override
    public void memoryRegionRemoved(MemoryRegion region) {
        if (refusesMemory) {
            throw new VhostProtocolException("no");
        }
        for (var known : List.copyOf(regions)) {
            if (known.isSamePlace(region)) {
                known.descriptor().close();
                regions.remove(known);
            }
        }
        hear("removed 0x%x+0x%x", region.guestAddress(), region.lengthBytes());
    }

    @Override
    public void memoryTable(List<MemoryRegion> table) {
        regions.forEach(region -> region.descriptor().close());
        regions.clear();
        regions.addAll(table);
        table.forEach(
                region ->
                        hear(
                                "memory 0x%x+0x%x user 0x%x file 0x%x",
                                region.guestAddress(),
                                region.lengthBytes(),
                                region.userAddress(),
                                region.fileOffset()));
    }

    @Override
    public void backEndRequests(BackEndRequests channel) {
        hear("channel");
        requests = channel;
    }

    @Override
    public void iotlb(IotlbMessage message) {
        hear(
                "%s 0x%x+0x%x user 0x%x access %d",
                message.type() == IotlbMessage.UPDATE ? "update" : "invalidate",
                message.iova(),
                message.lengthBytes(),
                message.userAddress(),
                message.access());
    }

    @Override
    public byte[] config(int offset, int length) {
        return Arrays.copyOfRange(config, offset, offset + length);
    }

    @Override
    public void configWritten(int offset, byte[] bytes) {
        throw new VhostProtocolException("read-only");
    }

    @Override
    public void vringSize(int queue, int entries) {
        hear("size %d %d", queue, entries);
    }

    @Override
    public void vringBase(int queue, int index) {
        hear("base %d %d", queue, index);
    }

    @Override
    public void vringAddresses(int queue, long descriptors, long used, long available) {
        hear("addresses %d 0x%x 0x%x 0x%x", queue, descriptors, used, available);
    }

    @Override
    public void vringKick(int queue, EventDescriptor kick) {
        hear("kick %d", queue);
        replace(kicks, queue, kick);
    }

    @Override
    public void vringCall(int queue, EventDescriptor call) {
        hear("call %d", queue);
        replace(calls, queue, call);
    }

    @Override
    public void vringError(int queue, EventDescriptor error) {
        error.close();
    }

    @Override
    public void vringEnabled(int queue, boolean enabled) {
        hear("enabled %d %s", queue, enabled);
    }

    @Override
    public int stopVring(int queue) {
        hear("stop %d", queue);
        return 0;
    }
}
