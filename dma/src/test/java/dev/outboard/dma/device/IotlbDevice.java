package dev.outboard.dma.device;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.Translation;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.vhost.BackEndRequests;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostBackEnd;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostSession;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * A device with an IOTLB at the other end of a vhost-user connection, in this process: keeps what
 * it is told, and misbehaves as it is asked to. Its thread serves one connection.
 */
final class IotlbDevice implements VhostBackEnd, AutoCloseable {
    private static final int SERVER = 0;
    private static final int SESSION = 1;
    private static final int COMMAND = 2;

    /** What it knows, by IOVA page: a {@link Translation} of order 0. */
    final Map<Long, Long> iotlb = new ConcurrentHashMap<>();

    /** What it was told, in order. */
    final List<IotlbMessage> heard = new ArrayList<>();

    /** Runs on the device's thread before a message is obeyed, and so before it is answered. */
    volatile Consumer<IotlbMessage> onMessage = message -> {};

    private final UnixServer server;
    private final Epoll epoll = Epoll.create();
    private final EventDescriptor command = EventDescriptor.create();
    private final Thread thread;
    private VhostSession session;
    private BackEndRequests requests;
    private volatile boolean ends;

    IotlbDevice(Path socket) {
        server = UnixServer.listen(socket, UnixSocket.Kind.STREAM);
        epoll.add(server.descriptor(), Epoll.READABLE, SERVER);
        epoll.add(command.descriptor(), Epoll.READABLE, COMMAND);
        thread = Thread.ofPlatform().daemon().name("iotlb-device").start(this::serve);
    }

    private void serve() {
        while (!ends) {
            try {
                epoll.await(-1, (token, events) -> onReady(token));
            } catch (NativeException failure) {
                // Its connection ends, as that of a device which ran out of something.
                hangUp();
            }
        }
        hangUp();
    }

    private void onReady(int token) {
        if (token == SERVER) {
            UnixSocket socket = server.accept();
            if (socket != null) {
                session = new VhostSession(socket, this);
                epoll.add(session.descriptor(), Epoll.READABLE, SESSION);
            }
        } else if (token == SESSION && session != null && !session.onReadable()) {
            hangUp();
        }
    }

    private void hangUp() {
        if (session != null) {
            session.close();
            session = null;
            synchronized (heard) {
                if (requests != null) {
                    requests.close();
                }
            }
        }
    }

    /** Asks for a translation; false if the front-end does not read, or is gone. */
    boolean miss(long iova, int access) {
        synchronized (heard) {
            return requests.missed(iova, access);
        }
    }

    boolean fail(long iova, int access) {
        synchronized (heard) {
            return requests.accessFailed(iova, access);
        }
    }

    /** The end of the channel on which it asks. */
    BackEndRequests requests() {
        synchronized (heard) {
            return requests;
        }
    }

    /** How many messages of a type it was told. */
    long heard(int type) {
        synchronized (heard) {
            return heard.stream().filter(message -> message.type() == type).count();
        }
    }

    IotlbMessage last() {
        synchronized (heard) {
            return heard.getLast();
        }
    }

    @Override
    public void iotlb(IotlbMessage message) {
        onMessage.accept(message);
        long first = message.iova() >>> IoPage.SHIFT;
        long pages = message.lengthBytes() >>> IoPage.SHIFT;
        if (message.type() == IotlbMessage.UPDATE) {
            for (long i = 0; i < pages; i++) {
                long frame = (message.userAddress() >>> IoPage.SHIFT) + i;
                iotlb.put(first + i, Translation.of(frame, 0, message.access()));
            }
        } else {
            iotlb.keySet().removeIf(page -> page >= first && page < first + pages);
        }
        synchronized (heard) {
            heard.add(message);
            heard.notifyAll();
        }
    }

    /** Waits until it was told so many messages. */
    void awaitHeard(int count) throws InterruptedException {
        synchronized (heard) {
            while (heard.size() < count) {
                heard.wait(10_000);
            }
        }
    }

    /** Closes its connections, as the death of a process does. */
    void die() {
        ends = true;
        command.signal();
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        synchronized (heard) {
            if (requests != null) {
                requests.close();
            }
        }
    }

    @Override
    public void close() {
        die();
        epoll.close();
        command.close();
        server.close();
    }

    @Override
    public long features() {
        return VhostFeatures.ACCESS_PLATFORM;
    }

    @Override
    public long protocolFeatures() {
        return VhostFeatures.PROTOCOL_BACKEND_REQ;
    }

    @Override
    public void backEndRequests(BackEndRequests channel) {
        synchronized (heard) {
            requests = channel;
        }
    }

    @Override
    public void memoryTable(List<MemoryRegion> regions) {
        regions.forEach(region -> region.descriptor().close());
    }

    @Override
    public int queueCount() {
        return 1;
    }

    @Override
    public void ownerSet() {}

    @Override
    public void featuresAccepted(long features) {}

    @Override
    public byte[] config(int offset, int length) {
        return new byte[length];
    }

    @Override
    public void configWritten(int offset, byte[] bytes) {}

    @Override
    public void vringSize(int queue, int entries) {}

    @Override
    public void vringBase(int queue, int index) {}

    @Override
    public void vringAddresses(int queue, long descriptors, long used, long available) {}

    @Override
    public void vringKick(int queue, EventDescriptor kick) {
        kick.close();
    }

    @Override
    public void vringCall(int queue, EventDescriptor call) {
        call.close();
    }

    @Override
    public void vringError(int queue, EventDescriptor error) {
        error.close();
    }

    @Override
    public void vringEnabled(int queue, boolean enabled) {}

    @Override
    public int stopVring(int queue) {
        return 0;
    }
}
