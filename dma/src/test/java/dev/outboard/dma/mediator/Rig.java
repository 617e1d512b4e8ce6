package dev.outboard.dma.mediator;

import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.IommuAttachment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** A mediator in the test's process, with sockets that clients and devices come to. */
final class Rig implements AutoCloseable {
    static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);

    final Path directory;
    final MediatorOptions options;
    final Mediator mediator;
    final List<String> gone = new CopyOnWriteArrayList<>();
    final DmaWindow window = new DmaWindow();

    Rig(Path directory) {
        this(directory, Map.of());
    }

    Rig(Path directory, Map<String, Quotas> quotas) {
        this.directory = directory;
        options =
                MediatorOptions.at(directory.resolve("m.sock"), directory.resolve("i.sock"))
                        .withQuotas(quotas)
                        .withMemoryBytes(64 << 20);
        mediator =
                Mediator.listen(
                        options,
                        new MediatorListener() {
                            @Override
                            public void changed(ClientReport client) {}

                            @Override
                            public void gone(ClientReport client, String why) {
                                gone.add(client.name());
                            }
                        });
    }

    MediatorClient client(String name) {
        return MediatorClient.connect(options.listen(), name, TIMEOUT_NANOS);
    }

    IommuAttachment device(String name) {
        return IommuAttachment.connect(options.iommu(), name, TIMEOUT_NANOS);
    }

    /** Whether the device gets this access, in a section of its own; the window tells to what. */
    boolean reaches(IommuAttachment device, long iova, long lengthBytes, int access) {
        device.enter();
        boolean granted = device.resolve(iova, lengthBytes, access, window);
        device.exit();
        return granted;
    }

    /** The same, after the device has looked for memory that came or went. */
    boolean reachesNow(IommuAttachment device, long iova, long lengthBytes, int access) {
        device.receive();
        return reaches(device, iova, lengthBytes, access);
    }

    /** Waits until something holds. */
    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("in vain: " + what);
            }
            Thread.onSpinWait();
        }
    }

    ClientReport report(String name) {
        return mediator.clients().stream()
                .filter(client -> client.name().equals(name))
                .findAny()
                .orElseThrow();
    }

    long usage(String name, String resource) {
        return report(name).quotas().stream()
                .filter(quota -> quota.resource().equals(resource))
                .findAny()
                .orElseThrow()
                .usage();
    }

    @Override
    public void close() {
        mediator.close();
    }
}
