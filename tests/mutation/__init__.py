"""Do the tests notice a mistake in the code? Small mistakes are made in one module at a time, and its tests run on each."""
