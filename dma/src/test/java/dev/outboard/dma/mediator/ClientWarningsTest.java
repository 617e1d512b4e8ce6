package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import org.junit.jupiter.api.Test;

/** Who comes and goes without end fills no log. */
final class ClientWarningsTest {
    private static final long SECOND = 1_000_000_000L;

    private final Lines lines = new Lines();
    private final ClientWarnings warnings = new ClientWarnings(lines);

    /** A log that is a list. */
    private static final class Lines implements System.Logger {
        private final List<String> told = new ArrayList<>();

        @Override
        public String getName() {
            return "lines";
        }

        @Override
        public boolean isLoggable(Level level) {
            return true;
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
            told.add(message);
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String format, Object... values) {
            told.add(MessageFormat.format(format, values));
        }
    }

    @Test
    void shouldTellSoManyInASecondAndThenHowManyMore() {
        for (int count = 0; count < 1000; count++) {
            warnings.warn(-5, "client={0} goes", "a");
        }
        assertThat(lines.told).hasSize(ClientWarnings.LINES_A_SECOND).containsOnly("client=a goes");
        warnings.warn(SECOND - 6, "client={0} goes", "b");
        assertThat(lines.told).hasSize(ClientWarnings.LINES_A_SECOND);
        warnings.warn(SECOND - 5, "client={0} goes", "c");
        assertThat(lines.told.subList(ClientWarnings.LINES_A_SECOND, lines.told.size()))
                .containsExactly(
                        "mediator: 991 more warnings of that kind in a second", "client=c goes");
    }

    @Test
    void shouldTellAllThatAreFew() {
        for (int count = 0; count < 100; count++) {
            warnings.warn(count * (SECOND / 5), "client={0} goes", count);
        }
        assertThat(lines.told).hasSize(100).doesNotHaveDuplicates();
    }
}
