package dev.outboard.host.run;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDebug;
import dev.outboard.dma.DomainSource;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Service;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.UsageException;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.Resources;
import java.util.concurrent.CountDownLatch;

/**
 * One life of a driver: takes what it needs, starts it, runs its client, and gives everything back
 * in reverse, however it ends. The main thread; the owner of the IOMMU and the watcher of the
 * device have threads of their own.
 */
final class DriverSession {
    private final HostPlan plan;
    private final DomainSource source;
    private final OwnerWatch owner;
    private final StopRequest stop;
    private final FaultLog faults;
    private final RunReport report;
    private final RunningDriver running;

    /**
     * @param source where memory and the I/O address space come from, or null without an IOMMU;
     *     borrowed
     * @param owner of that source
     * @param running shown to who looks on from outside
     */
    DriverSession(
            HostPlan plan,
            DomainSource source,
            OwnerWatch owner,
            StopRequest stop,
            FaultLog faults,
            RunReport report,
            RunningDriver running) {
        this.plan = plan;
        this.source = source;
        this.owner = owner;
        this.stop = stop;
        this.faults = faults;
        this.report = report;
        this.running = running;
    }

    /**
     * Runs to the end: of the client, or until asked to stop.
     *
     * @throws DeviceLostException when the device went away
     * @throws dev.outboard.uio.PeerGoneException when the owner of the IOMMU did
     */
    void run() {
        var resources = new Resources();
        DmaDebug debug = null;
        try {
            var memory = resources.add(memory());
            resources.add(() -> report.left(memory));
            debug = plan.dmaDebug() ? resources.add(debug(memory)) : null;
            var domain = source == null ? null : resources.add(claim(memory, debug));
            var services = resources.add(services(memory, domain, debug));
            var tides = running.begin(memory, services, domain);
            resources.add(running::end);
            var device = resources.add(plan.device().open(setup(memory, services, domain, debug)));
            running.opened(device);
            checkMatch(device);
            var service = resources.add(plan.driver().start(device));
            service.onNotice(report::notice);
            running.started(service);
            serve(device, domain, tides, service);
            service.close();
            report.measured(services.statistics(), domain == null ? null : domain.statistics());
            owner.checkPresent();
            device.checkPresent();
        } catch (RuntimeException e) {
            // Before anything is closed: what is closed without an owner fails in many ways.
            var told = owner.explain(e, plan.device().deviceName());
            resources.closeAfter(told);
            throw told;
        }
        resources.close();
        if (debug != null) {
            report.mistakes(debug);
        }
    }

    private static DmaDebug debug(PhysicalMemory memory) {
        return new DmaDebug(memory, DmaDebug.DEFAULT_LIVE_LIMIT);
    }

    private PhysicalMemory memory() {
        return source == null
                ? plan.device()
                        .memory(plan.memoryBytes(), plan.pages(), plan.protection().noIommu())
                : source.memory(plan.memoryBytes(), plan.pages());
    }

    private DmaServices services(PhysicalMemory memory, IommuDomain domain, DmaDebug debug) {
        return new DmaServices(
                () -> {
                    var plain =
                            domain == null
                                    ? Dma.off(memory)
                                    : domain.dma(plan.protection().strategy());
                    return debug == null ? plain : debug.watch(plain);
                });
    }

    private IommuDomain claim(PhysicalMemory memory, DmaDebug debug) {
        var domain =
                source.claim(
                        plan.device().deviceName(),
                        memory,
                        plan.protection().domain().withServices(plan.queues()));
        domain.onFault(fault -> tell(fault, debug));
        return domain;
    }

    private void tell(Fault fault, DmaDebug debug) {
        faults.add(fault);
        if (debug != null) {
            debug.fault(fault);
        }
    }

    private DeviceSetup setup(
            PhysicalMemory memory, DmaServices services, IommuDomain domain, DmaDebug debug) {
        return new DeviceSetup(
                plan.device().deviceName(),
                plan.driver().match(),
                memory,
                services,
                domain,
                plan.queueEntries(),
                plan.rings(),
                plan.queues(),
                plan.client() == null ? 0 : plan.client().receiveOffloads(plan.clientOptions()),
                plan.waiting(),
                plan.protection().noIommu(),
                fault -> tell(fault, debug));
    }

    private void checkMatch(HostedDevice device) {
        if (!plan.driver().match().accepts(device.id())) {
            throw new DeviceException(
                    "driver "
                            + plan.driver().name()
                            + " does not drive "
                            + device.id()
                            + ": it drives "
                            + plan.driver().match());
        }
    }

    private void serve(
            HostedDevice device, IommuDomain domain, MemoryTides tides, Service service) {
        var client = plan.client();
        if (client == null) {
            report.up(service.describe());
            report.ready();
            awaitEnd(device);
            return;
        }
        if (!client.service().isInstance(service)) {
            throw new UsageException(
                    "client "
                            + client.name()
                            + " needs a "
                            + client.service().getSimpleName()
                            + ", and driver "
                            + plan.driver().name()
                            + " gives none");
        }
        report.up(service.describe());
        var run =
                new ClientRun(
                        device,
                        domain,
                        tides,
                        plan.clientOptions(),
                        () -> stop.isStopping() || owner.isLost(),
                        report);
        try {
            client.run(service, run);
        } catch (IllegalArgumentException | IllegalStateException | InternalError e) {
            if (tides.isForced()) {
                throw new CommandException(
                        "memory was taken from %s by force while its client %s used it: %s"
                                .formatted(device.name(), client.name(), e.getMessage()),
                        e);
            }
            if (!(e instanceof IllegalArgumentException)) {
                throw e;
            }
            throw new UsageException("client " + client.name() + ": " + e.getMessage());
        } finally {
            report.clientResults(run.results());
        }
    }

    private void awaitEnd(HostedDevice device) {
        var end = new CountDownLatch(1);
        stop.onStop(end::countDown);
        device.onLost(end::countDown);
        owner.onLost(end::countDown);
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
