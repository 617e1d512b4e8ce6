package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a client has of a mediator when everybody behaves, and what quotas and grants allow. */
@Timeout(60)
final class MediatorTest {
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(8192);

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "DEFERRED", "BATCHED", "CACHED", "NEVER_FREE"})
    void shouldServeADriverWhateverTheStrategy(Strategy strategy) {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(4 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0")) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            try (Dma dma = domain.dma(strategy);
                    CoherentMemory ring = dma.allocateCoherent(8192);
                    DmaMemory buffer = dma.allocate(3 * 4096)) {
                assertThat(rig.reaches(device, ring.iova(), 8192, Access.READ_WRITE)).isTrue();
                buffer.memory().set(ValueLayout.JAVA_LONG, 4096, 42);
                for (int round = 0; round < 100; round++) {
                    long iova =
                            dma.map(buffer.physicalAddress() + 4096, 4096, DmaDirection.TO_DEVICE);
                    assertThat(rig.reaches(device, iova, 8, Access.READ)).isTrue();
                    assertThat(rig.window.memory.get(ValueLayout.JAVA_LONG, rig.window.offset))
                            .isEqualTo(42);
                    assertThat(rig.reaches(device, iova, 8, Access.WRITE)).isFalse();
                    dma.unmap(iova, 4096);
                    if (strategy == Strategy.STRICT) {
                        assertThat(rig.reaches(device, iova, 8, Access.READ)).isFalse();
                    }
                }
            }
            assertThat(rig.usage("a", "entries")).isZero();
            assertThat(rig.usage("a", "mappings")).isZero();
            assertThat(rig.usage("a", "frames")).isEqualTo(1024);
            assertThat(rig.report("a").refusals()).isEmpty();
        }
    }

    @Test
    void shouldGiveEverythingBack() {
        int before = Descriptor.openCount();
        try (Rig rig = new Rig(directory)) {
            for (int round = 0; round < 5; round++) {
                try (MediatorClient client = rig.client("a");
                        PhysicalMemory memory = client.memory(48 << 20);
                        IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                        IommuAttachment device = rig.device("nic0");
                        Dma dma = domain.dma(Strategy.STRICT)) {
                    assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
                    assertThat(
                                    dma.map(
                                            memory.segments().getFirst().physicalAddress(),
                                            4096,
                                            DmaDirection.BIDIRECTIONAL))
                            .isPositive();
                }
            }
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldTellTheDriverOfFaultsAndDevices() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS)) {
            List<Fault> faults = new CopyOnWriteArrayList<>();
            domain.onFault(faults::add);
            domain.admit("nic1");
            assertThat(domain.isAttached()).isFalse();
            try (IommuAttachment device = rig.device("nic1")) {
                assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
                assertThat(rig.reaches(device, 0x5000, 8, Access.WRITE)).isFalse();
                Rig.await("a fault", () -> !faults.isEmpty());
                assertThat(faults.getFirst().device()).isEqualTo("nic1");
                assertThat(faults.getFirst().iova()).isEqualTo(0x5000);
                assertThat(domain.statistics().counters().faults()).isEqualTo(1);
            }
            Rig.await("the device to go", () -> !domain.isAttached());
        }
    }

    @Test
    void shouldTellOfADeviceThatWaitedForTheClaim() throws Exception {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20)) {
            for (int round = 0; round < 50; round++) {
                var waiting = CompletableFuture.supplyAsync(() -> rig.device("nic1"));
                Thread.sleep(round % 3);
                try (IommuDomain domain = client.claim("nic1", memory, OPTIONS)) {
                    assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).as("%d", round).isTrue();
                } finally {
                    waiting.join().close();
                }
            }
        }
    }

    @Test
    void shouldRefuseByNameWhatIsBeyondAQuota() {
        Map<String, Quotas> quotas =
                Map.of("a", Quotas.parse("frames=256:512,entries=10:14,mappings=8"));
        try (Rig rig = new Rig(directory, quotas);
                MediatorClient client = rig.client("a")) {
            assertThatThrownBy(() -> client.memory((1 << 20) + 1))
                    .isInstanceOf(QuotaExceededException.class)
                    .hasMessageContaining("quota frames of client=a")
                    .hasMessageContaining("asked=257 usage=0 barrier=256 limit=512")
                    .hasMessageContaining("--quota a:frames=");
            try (PhysicalMemory memory = client.memory(1 << 20);
                    PhysicalMemory more = client.essentialMemory(1 << 20);
                    IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                    Dma dma = domain.dma(Strategy.STRICT)) {
                assertThat(more.lengthBytes()).isEqualTo(1 << 20);
                long physical = dma.allocate(11 * 4096).physicalAddress();
                assertThatThrownBy(() -> dma.map(physical, 11 * 4096, DmaDirection.TO_DEVICE))
                        .isInstanceOf(QuotaExceededException.class)
                        .hasMessageContaining("quota entries of client=a")
                        .hasMessageContaining("asked=11 usage=0 barrier=10 limit=14")
                        .hasMessageContaining("--quota a:entries=");
                long iova = dma.map(physical, 10 * 4096, DmaDirection.TO_DEVICE);
                // What a driver cannot do without goes beyond the barrier.
                try (CoherentMemory ring = dma.allocateCoherent(4 * 4096)) {
                    assertThat(ring.iova()).isPositive();
                    assertThat(rig.usage("a", "entries")).isEqualTo(14);
                    assertThatThrownBy(() -> dma.allocateCoherent(4096))
                            .isInstanceOf(QuotaExceededException.class);
                }
                dma.unmap(iova, 10 * 4096);
                assertThat(rig.report("a").refusals()).containsEntry(Status.ENTRIES_QUOTA, 2L);
            }
        }
    }

    @Test
    void shouldMapNothingOfABatchThatAQuotaEnds() {
        Map<String, Quotas> quotas = Map.of("*", Quotas.parse("mappings=8"));
        try (Rig rig = new Rig(directory, quotas);
                MediatorClient client = rig.client("b");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                Dma dma = domain.dma(Strategy.BATCHED)) {
            long physical = dma.allocate(9 * 4096).physicalAddress();
            long[] physicals = new long[9];
            int[] lengths = new int[9];
            for (int index = 0; index < 9; index++) {
                physicals[index] = physical + index * 4096L;
                lengths[index] = 4096;
            }
            long[] iovas = new long[9];
            for (int round = 0; round < 3; round++) {
                assertThatThrownBy(
                                () ->
                                        dma.mapAll(
                                                physicals,
                                                lengths,
                                                iovas,
                                                9,
                                                DmaDirection.TO_DEVICE))
                        .isInstanceOf(QuotaExceededException.class)
                        .hasMessageContaining("quota mappings of client=b");
                assertThat(rig.usage("b", "mappings")).isZero();
                assertThat(dma.mapAll(physicals, lengths, iovas, 8, DmaDirection.TO_DEVICE))
                        .isEqualTo(8);
                dma.unmapAll(iovas, lengths, 8);
                dma.flush();
            }
            assertThat(dma.statistics().liveMappings()).isZero();
        }
    }

    @Test
    void shouldRefuseMoreMemoryThanThereIs() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory most = a.memory(60 << 20)) {
            assertThat(most.lengthBytes()).isEqualTo(60 << 20);
            assertThatThrownBy(() -> b.memory(5 << 20))
                    .isInstanceOf(OutOfDmaMemoryException.class)
                    .hasMessageContaining("--memory");
            try (PhysicalMemory rest = b.memory(4 << 20)) {
                assertThat(rest.segments().getFirst().physicalAddress())
                        .isGreaterThan(most.segments().getFirst().physicalAddress());
            }
        }
    }

    @Test
    void shouldRefuseANameThatIsTaken() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                PhysicalMemory memory = a.memory(4096);
                IommuDomain domain = a.claim("nic0", memory, OPTIONS)) {
            assertThatThrownBy(() -> rig.client("a"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("client=a is connected already, as process");
            try (MediatorClient b = rig.client("b");
                    PhysicalMemory other = b.memory(4096)) {
                assertThatThrownBy(() -> b.claim("nic0", other, OPTIONS))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("device=nic0 is claimed already, by client=a");
                assertThatThrownBy(() -> b.claim("nic1", memory, OPTIONS))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("none of this client");
                assertThatThrownBy(() -> b.claim("../x", other, OPTIONS))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(domain.name()).isEqualTo("nic0");
        }
    }

    @Test
    void shouldLetAnotherMapWhatWasGrantedUntilItIsNot() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(1 << 20);
                PhysicalMemory lent = b.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            List<ReceivedGrant> present = new CopyOnWriteArrayList<>();
            a.onGrant(listener(present));
            DmaMemory buffer = lent.allocate(8192);
            long physical = buffer.physicalAddress();
            assertThatThrownBy(() -> dma.map(physical, 8192, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            MemoryGrant grant = b.grant("nic0", physical, 8192, Access.READ);
            Rig.await("the grant", () -> present.size() == 1);
            assertThat(present.getFirst().access()).isEqualTo(Access.READ);
            buffer.memory().set(ValueLayout.JAVA_INT, 4096, 7);
            // The device maps the segment between two sections.
            long iova = dma.map(physical, 8192, DmaDirection.TO_DEVICE);
            Rig.await("the segment", () -> rig.reachesNow(device, iova + 4096, 4, Access.READ));
            assertThat(rig.window.memory.get(ValueLayout.JAVA_INT, rig.window.offset)).isEqualTo(7);
            assertThatThrownBy(() -> dma.map(physical, 4096, DmaDirection.FROM_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("granted for less access");
            assertThatThrownBy(() -> dma.map(physical + 4096, 8192, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            grant.close();
            assertThat(rig.reaches(device, iova, 4, Access.READ)).isFalse();
            Rig.await("the end of the grant", present::isEmpty);
            assertThatThrownBy(() -> dma.map(physical, 8192, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            dma.unmap(iova, 8192);
            assertThat(rig.usage("a", "entries")).isZero();
            grant.close();
        }
    }

    private static ReceivedGrant.Listener listener(List<ReceivedGrant> present) {
        return new ReceivedGrant.Listener() {
            @Override
            public void granted(ReceivedGrant grant) {
                present.add(grant);
            }

            @Override
            public void ended(ReceivedGrant grant) {
                present.remove(grant);
            }
        };
    }

    @Test
    void shouldTakeGrantsBackWhenTheirClientGoes() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                PhysicalMemory own = a.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(Strategy.DEFERRED)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            long ours =
                    dma.map(
                            own.segments().getFirst().physicalAddress(),
                            4096,
                            DmaDirection.TO_DEVICE);
            long iova;
            try (MediatorClient b = rig.client("b")) {
                PhysicalMemory lent = b.memory(1 << 20);
                long physical = lent.allocate(4096).physicalAddress();
                b.grant("nic0", physical, 4096, Access.READ_WRITE);
                Rig.await("the grant", () -> own.contains(physical, 4096));
                iova = dma.map(physical, 4096, DmaDirection.BIDIRECTIONAL);
                Rig.await("the segment", () -> rig.reachesNow(device, iova, 4, Access.WRITE));
            }
            Rig.await("b's end", () -> rig.gone.contains("b"));
            assertThat(rig.reaches(device, iova, 4, Access.WRITE)).isFalse();
            assertThat(rig.reaches(device, ours, 4, Access.READ)).isTrue();
            dma.unmap(iova, 4096);
        }
    }

    @Test
    void shouldSayClearlyThatTheMediatorHasGone() {
        Rig rig = new Rig(directory);
        List<String> told = new CopyOnWriteArrayList<>();
        try (MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0")) {
            client.onLost(() -> told.add("lost"));
            Dma dma = domain.dma(Strategy.STRICT);
            long physical = memory.segments().getFirst().physicalAddress();
            rig.close();
            Rig.await("the loss", () -> !told.isEmpty());
            assertThatThrownBy(() -> dma.map(physical, 4096, DmaDirection.TO_DEVICE))
                    .isInstanceOf(PeerGoneException.class)
                    .hasMessageContaining("the mediator at")
                    .hasMessageContaining("start it, then this driver again");
            assertThatThrownBy(() -> client.memory(4096)).isInstanceOf(PeerGoneException.class);
            assertThat(device.isOwnerGone()).isTrue();
            assertThat(domain.isAttached()).isFalse();
        }
    }

    @Test
    void shouldGiveAClientMoreMemoryWhileItsDeviceIsAttached() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                PhysicalMemory first = a.memory(1 << 20);
                IommuDomain domain = a.claim("nic0", first, OPTIONS);
                IommuAttachment device = rig.device("nic0")) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            try (PhysicalMemory more = a.memory(1 << 20)) {
                assertThat(more.freeBytes()).isEqualTo(1 << 20);
            }
            assertThat(rig.usage("a", "frames")).isEqualTo(256);
            assertThat(device.isOwnerGone()).isFalse();
        }
    }

    @Test
    void shouldBeginWithABatchBeforeItIsWhole() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20)) {
            RemoteDomain domain = (RemoteDomain) client.claim("nic0", memory, OPTIONS);
            MediatorTranslations translations = domain.translations(0);
            long frame = memory.segments().getFirst().physicalAddress() >>> 12;
            translations.map(1, frame, 1, Access.READ);
            translations.commit();
            long taken = translations.ring().takenAcquire();
            for (int index = 0; index < 32; index++) {
                translations.map(10 + index, frame, 1, Access.READ);
            }
            // It may sleep by now, and is not woken for a part of a batch.
            translations.doorbell().signal();
            Rig.await("a part", () -> translations.ring().takenAcquire() >= taken + 24);
            assertThat(rig.usage("a", "entries")).isBetween(25L, 32L);
            translations.commit();
            assertThat(rig.usage("a", "entries")).isEqualTo(33);
            translations.close();
            domain.close();
        }
    }
}
