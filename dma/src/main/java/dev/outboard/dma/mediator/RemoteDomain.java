package dev.outboard.dma.mediator;

import dev.outboard.dma.DevicePresence;
import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.DomainServices;
import dev.outboard.dma.DomainStatistics;
import dev.outboard.dma.FaultDelivery;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.uio.PeerGoneException;
import java.util.ArrayList;
import java.util.List;
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
    private final DomainServices services;
    private final DevicePresence presence = new DevicePresence();
    private final FaultDelivery faults = new FaultDelivery();

    /** What the services have of the mediator, whatever becomes of them. */
    private final List<RemoteService> remotes = new ArrayList<>();

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
        services = new DomainServices(name, memory, options);
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
    public Dma dma(StrategyOptions strategy) {
        return services.open(strategy, this::open);
    }

    /** What the service of a slot stands on, for who does without one. */
    MediatorTranslations translations(int slot) {
        return services.translations(slot, this::open);
    }

    /** Each has a ring of its own. */
    private MediatorTranslations open(IovaAllocator iovas, Runnable onClose) {
        return new MediatorTranslations(
                open(onClose), () -> open(() -> {}), options.flushWait(), iovas);
    }

    private RemoteService open(Runnable onClose) {
        RemoteService service = RemoteService.open(channel, this, id, onClose);
        synchronized (remotes) {
            remotes.removeIf(RemoteService::isClosed);
            remotes.add(service);
        }
        return service;
    }

    @Override
    public boolean isAttached() {
        return presence.count() > 0;
    }

    @Override
    public boolean awaitAttached(long timeoutNanos) {
        endIfLost();
        return presence.await(timeoutNanos);
    }

    /** The channel's thread: so many devices are attached now. */
    void devices(int count) {
        presence.set(count);
        endIfLost();
    }

    /** Without the mediator no device will come. */
    private void endIfLost() {
        if (channel.isLost()) {
            presence.end();
        }
    }

    @Override
    public void onFault(Consumer<Fault> consumer) {
        faults.to(consumer);
    }

    /** The channel's thread: the mediator tells of a fault. */
    void fault(ControlMessage message) {
        for (FaultReason reason : FaultReason.values()) {
            if (reason.code() == message.number(3)) {
                faults.deliver(
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
        if (!services.end()) {
            return;
        }
        presence.end();
        try {
            services.close();
            channel.ask(ControlMessage.of(Kind.END_DOMAIN, id));
        } catch (PeerGoneException gone) {
            // Then the table is gone, too.
        } catch (DeviceStuckException stuck) {
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        } finally {
            closeRemotes();
            client.forget(this);
        }
    }

    /** A service that could not flush has kept its ring, its doorbell and its signal. */
    private void closeRemotes() {
        List<RemoteService> open;
        synchronized (remotes) {
            open = List.copyOf(remotes);
        }
        open.forEach(RemoteService::close);
    }
}
