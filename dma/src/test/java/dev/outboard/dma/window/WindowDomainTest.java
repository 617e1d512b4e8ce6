package dev.outboard.dma.window;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/** What is particular to windows; what every holder does alike is tried elsewhere. */
class WindowDomainTest {
    private static final int MEMORY_BYTES = 1 << 20;

    @Test
    void shouldTellADeviceThatComesOfWhatIsMapped() {
        try (var holder = new WindowHolder(DomainOptions.DEFAULT, MEMORY_BYTES);
                var dma = holder.domain().dma(Strategy.STRICT);
                var ring = dma.allocateCoherent(8192)) {
            var domain = (WindowDomain) holder.domain();
            holder.unmap(ring.iova(), 8192);
            domain.detach();
            assertThat(domain.isAttached()).isFalse();
            assertThat(holder.reach(ring.iova(), Access.WRITE)).isEqualTo(-1);
            domain.attach(holder);
            assertThat(domain.isAttached()).isTrue();
            assertThat(holder.reach(ring.iova() + 4096, Access.READ_WRITE)).isPositive();
            assertThatThrownBy(() -> domain.attach(holder)).hasMessageContaining("already");
        }
    }

    @Test
    void shouldRefuseMoreWindowsThanTheKeeperAllowsAndKeepSomeForRings() {
        try (var holder = new WindowHolder(DomainOptions.DEFAULT, MEMORY_BYTES);
                var dma = holder.domain().dma(Strategy.STRICT);
                var buffer = dma.allocate(4096)) {
            holder.limit = 32;
            var mapped = new ArrayList<Long>();
            assertThatThrownBy(
                            () -> {
                                while (true) {
                                    mapped.add(
                                            dma.map(
                                                    buffer.physicalAddress(),
                                                    4096,
                                                    DmaDirection.TO_DEVICE));
                                }
                            })
                    .isInstanceOf(QuotaExceededException.class)
                    .hasMessageContaining("has 16 windows, of 32");
            assertThat(mapped).hasSize(16);
            try (var ring = dma.allocateCoherent(4096)) {
                assertThat(holder.reach(ring.iova(), Access.WRITE)).isPositive();
            }
            mapped.forEach(iova -> dma.unmap(iova, 4096));
            assertThat(holder.windows()).isZero();
            assertThat(dma.map(buffer.physicalAddress(), 1, DmaDirection.TO_DEVICE)).isPositive();
        }
    }

    @Test
    void shouldLeaveNoWindowBehind() {
        for (var strategy : Strategy.values()) {
            if (strategy == Strategy.OFF) {
                continue;
            }
            try (var holder = new WindowHolder(DomainOptions.DEFAULT, MEMORY_BYTES)) {
                try (var dma = holder.domain().dma(strategy);
                        var buffer = dma.allocate(4096);
                        var grant =
                                dma.grant(
                                        buffer.physicalAddress(),
                                        4096,
                                        DmaDirection.BIDIRECTIONAL)) {
                    for (int round = 0; round < 100; round++) {
                        long iova = dma.map(buffer.physicalAddress(), 100, DmaDirection.TO_DEVICE);
                        assertThat(holder.reach(iova, Access.READ)).isPositive();
                        dma.unmap(iova, 100);
                    }
                }
                assertThat(holder.windows()).as("%s", strategy).isZero();
                assertThat(((WindowDomain) holder.domain()).windows()).isZero();
            }
        }
    }

    @Test
    void shouldNotBeShared() {
        try (var domains = new WindowDomains();
                var memory = PhysicalMemory.create(MEMORY_BYTES);
                var domain = domains.claim("one", memory, DomainOptions.DEFAULT)) {
            assertThatThrownBy(() -> domain.admit("two")).hasMessageContaining("cannot share");
            assertThatThrownBy(() -> domains.claim("one", memory, DomainOptions.DEFAULT))
                    .hasMessageContaining("claimed already");
        }
    }
}
