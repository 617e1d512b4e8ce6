package dev.outboard.dma.mediator;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.NextFitAllocator;
import dev.outboard.uio.PeerGoneException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A domain whose table the mediator has. Any thread, but for its mapping services. IOVA is handed
 * out here, in the client's process, as a PAPR guest chooses its own: the mediator checks it.
 */
final class RemoteDomain implements IommuDomain {
    private static final System.Logger LOG = System.getLogger(IommuDomain.class.getName());

    private final MediatorClient client;
    private final ControlChannel channel;
    private final String name;
    private final PhysicalMemory memory;
    private final DomainOptions options;
    private final long id;
    private final Dma[] services;

    /** What the services have of the mediator, whatever becomes of them. */
    private final List<RemoteService> remotes = new ArrayList<>();

    private boolean closed;

    /** Of the two after it: the channel's thread takes it, so nobody asks while holding it. */
    private final Object devicesLock = new Object();

    private int attached;
    private boolean ended;
    private volatile Consumer<Fault> faultConsumer = fault -> {};

    RemoteDomain(
            MediatorClient client,
            ControlChannel channel,
            String name,
            PhysicalMemory memory,
            DomainOptions options,
            long id) {
        this.client = client;
        this.channel = channel;
        this.name = name;
        this.memory = memory;
        this.options = options;
        this.id = id;
        services = new Dma[options.services()];
    }

    long id() {
        return id;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public DomainOptions options() {
        return options;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public void admit(String deviceName) {
        channel.ask(ControlMessage.of(Kind.ADMIT, deviceName, id));
    }

    @Override
    public synchronized Dma dma(StrategyOptions strategy) {
        if (closed) {
            throw new IllegalStateException("domain=" + name + " is closed");
        }
        int slot = freeSlot();
        MediatorTranslations translations = translations(slot);
        try {
            services[slot] = Dma.over(memory, translations, strategy);
        } catch (RuntimeException failure) {
            translations.close();
            throw failure;
        }
        return services[slot];
    }

    private int freeSlot() {
        for (int slot = 0; slot < services.length; slot++) {
            if (services[slot] == null) {
                return slot;
            }
        }
        throw new IllegalStateException(
                ("domain=%s has its %d mapping services already:"
                                + " close one first, or claim the domain with more services")
                        .formatted(name, services.length));
    }

    /** What the service of a slot stands on: each has a ring, and a share of the IOVA. */
    MediatorTranslations translations(int slot) {
        int end = options.tableEntries() - options.format().reservedLastPages();
        int share = (end - 1) / services.length;
        int first = 1 + slot * share;
        int last = slot == services.length - 1 ? end : first + share;
        RemoteService service = RemoteService.open(channel, this, id, () -> released(slot));
        remotes.removeIf(RemoteService::isClosed);
        remotes.add(service);
        return new MediatorTranslations(
                service, options.flushWait(), new NextFitAllocator(first, last));
    }

    private synchronized void released(int slot) {
        services[slot] = null;
    }

    @Override
    public boolean isAttached() {
        synchronized (devicesLock) {
            return attached > 0;
        }
    }

    @Override
    public boolean awaitAttached(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        synchronized (devicesLock) {
            while (attached == 0 && !ended && !channel.isLost()) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(devicesLock, left);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    break;
                }
            }
            return attached > 0;
        }
    }

    /** The channel's thread: so many devices are attached now. */
    void devices(int count) {
        synchronized (devicesLock) {
            attached = count;
            devicesLock.notifyAll();
        }
    }

    @Override
    public void onFault(Consumer<Fault> consumer) {
        faultConsumer = Objects.requireNonNull(consumer, "consumer");
    }

    /** The channel's thread: the mediator tells of a fault. */
    void fault(ControlMessage message) {
        for (FaultReason reason : FaultReason.values()) {
            if (reason.code() == message.number(3)) {
                faultConsumer.accept(
                        new Fault(message.text(), message.word(1), message.number(2), reason));
            }
        }
    }

    @Override
    public DomainStatistics statistics() {
        ControlMessage answer = channel.ask(ControlMessage.of(Kind.STATISTICS, id));
        return StatisticsWords.read(answer.words());
    }

    @Override
    public void close() {
        List<Dma> open;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            open = Arrays.stream(services).filter(Objects::nonNull).toList();
        }
        synchronized (devicesLock) {
            ended = true;
            devicesLock.notifyAll();
        }
        try {
            open.forEach(this::close);
            channel.ask(ControlMessage.of(Kind.END_DOMAIN, id));
        } catch (PeerGoneException gone) {
            // Then the table is gone, too.
        } catch (DeviceStuckException stuck) {
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        } finally {
            // A service that could not flush has kept its ring, its doorbell and its signal.
            List.copyOf(remotes).forEach(RemoteService::close);
            client.forget(this);
        }
    }

    private void close(Dma service) {
        try {
            service.close();
        } catch (PeerGoneException gone) {
            // There is nothing left to be cleared.
        } catch (DeviceStuckException stuck) {
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        }
    }
}
