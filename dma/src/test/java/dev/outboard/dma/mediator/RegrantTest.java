package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory that is revoked and granted again, under strategies that keep what was mapped. */
final class RegrantTest {
    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource(names = {"STRICT", "DEFERRED", "BATCHED", "CACHED", "NEVER_FREE"})
    void shouldReachMemoryThatIsMappedAgainAfterItWasRevoked(Strategy strategy) {
        DomainOptions options = DomainOptions.DEFAULT.withTableEntries(8192);
        try (MediatorHolder holder = new MediatorHolder(directory, options, 1 << 20);
                Dma dma = holder.domain().dma(strategy)) {
            long lent = holder.lend();
            long before = dma.map(lent, 4096, DmaDirection.TO_DEVICE);
            assertThat(holder.reach(before, Access.READ)).isEqualTo(lent);
            dma.unmap(before, 4096);
            holder.takeBack();
            assertThat(holder.reach(before, Access.READ)).isNegative();
            assertThat(holder.lend()).isEqualTo(lent);
            long again = dma.map(lent, 4096, DmaDirection.TO_DEVICE);
            assertThat(holder.reach(again, Access.READ)).isEqualTo(lent);
            dma.unmap(again, 4096);
            holder.takeBack();
        }
    }
}
